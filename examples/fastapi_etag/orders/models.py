"""The tables. Alembic creates them, see migrations/."""

import os
from datetime import datetime

from sqlalchemy import DateTime, ForeignKey, create_engine, func
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

EDGES = {
    "draft": {"submitted", "cancelled"},
    "submitted": {"draft", "approved", "cancelled"},
    "approved": {"shipped"},
}

engine = create_engine(os.environ["DATABASE_URL"], pool_size=20, max_overflow=20)


class Base(DeclarativeBase):
    pass


class User(Base):
    __tablename__ = "users"
    name: Mapped[str] = mapped_column(primary_key=True)
    organization: Mapped[str]
    password: Mapped[bytes]


class Vendor(Base):
    __tablename__ = "vendors"
    id: Mapped[int] = mapped_column(primary_key=True)
    organization: Mapped[str]
    name: Mapped[str]


class Order(Base):
    __tablename__ = "orders"
    id: Mapped[int] = mapped_column(primary_key=True)
    organization: Mapped[str]
    vendor_id: Mapped[int] = mapped_column(ForeignKey("vendors.id"))
    status: Mapped[str] = mapped_column(default="draft")
    note: Mapped[str] = mapped_column(default="")
    version: Mapped[int] = mapped_column(default=1)


class Move(Base):
    __tablename__ = "moves"
    id: Mapped[int] = mapped_column(primary_key=True)
    order_id: Mapped[int] = mapped_column(ForeignKey("orders.id"), index=True)
    origin: Mapped[str]
    status: Mapped[str]
    moved_by: Mapped[str] = mapped_column(ForeignKey("users.name"))
    moved_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
