"""Which city the simulated one is."""

DEMO_CODE = "seocho"
DEMO_ZONE = "Asia/Seoul"
DEFAULT_SEED = 20260101
