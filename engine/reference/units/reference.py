"""The parts of the correct engine of units."""

from engine.reference.units import jobs, vouchers
from engine.reference.units.parts import UnitParts

REFERENCE = UnitParts(vouchers.redeem, vouchers.restore, jobs.claim)
