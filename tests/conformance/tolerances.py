"""How close is close: every tolerance of the conformance tests, with its reason.

Relative error of one output leaf: max|ours - theirs| / max(SMALLEST_SCALE, max|theirs|), both compared as float32.
"""

# A leaf whose values are all smaller than this is compared absolutely (nothing the models return is that small).
SMALLEST_SCALE = 1e-3

# Two correct float32 programs sum in different orders; over these tiny models that moves a result by about 1e-6.
# 1e-4 is what a user is promised, and a wrong mask, epsilon or rotation moves results by 1e-2 and more.
FLOAT32 = 1e-4

# 16-bit: transformers' own rounding error is known for each leaf (its 16-bit result against its float32 result on the
# same weights). A correct program rounds at other places but as often, so it may be off by a small multiple of that,
# and never needs to be better than a few units in the last place.
ROUNDING_MULTIPLE = 4.0
UNIT = {"float16": 2.0**-10, "bfloat16": 2.0**-7}
UNITS_ALLOWED = 4.0

# A real, trained model in float32 (all-MiniLM-L6-v2, normalised embeddings), absolute: two runtimes agree to 1e-6.
EMBEDDING = 1e-5


def allowed(dtype, rounding_error):
    """Relative error allowed for one leaf; `rounding_error` is the reference's own (None for float32)."""
    if dtype == "float32":
        return FLOAT32
    return max(UNITS_ALLOWED * UNIT[dtype], ROUNDING_MULTIPLE * rounding_error)
