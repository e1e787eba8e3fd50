"""The fixed English of orders: a reading is written from an order and read back, each in exactly one way."""
