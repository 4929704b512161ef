"""Sessions: rows that a cookie's token opens, with limits, and the roles worn in them."""
