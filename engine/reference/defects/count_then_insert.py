"""The redemptions of a voucher are counted, and then one more is inserted.

The mistake: between the count and the insert another request may count the same number. Both insert, and the voucher is
redeemed once more than it may be. A transaction alone does not help. A user would notice a voucher that paid twice.
"""

from dataclasses import replace

from engine.reference.defects import Promise
from engine.reference.units.reference import REFERENCE
from engine.reference.units.vouchers import COUNTED, count_and_insert, remove

ENGINE = "vouchers"
PROMISE = Promise("capacity", ("parallel", "race", "interleavings"), beside=("contract",))
PARTS = replace(REFERENCE, redeem=count_and_insert, restore=remove, left=COUNTED)
