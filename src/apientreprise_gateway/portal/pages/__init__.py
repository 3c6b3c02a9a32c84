"""The pages. Each module has a `router`; `portal/app.py` lists them."""
