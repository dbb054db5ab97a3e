"""Names for runs that were given none."""

import secrets

_ADJECTIVES = (
    "amber", "ample", "autumn", "bold", "brisk", "calm", "candid", "clear", "cobalt", "coral",
    "crisp", "daring", "deep", "dusky", "eager", "early", "fabled", "fair", "fleet", "fluent",
    "frosty", "gentle", "gilded", "golden", "hardy", "hazel", "hidden", "humble", "indigo",
    "jolly", "keen", "kind", "light", "lively", "loyal", "lucid", "lunar", "mellow", "merry",
    "mighty", "misty", "modest", "mossy", "noble", "northern", "patient", "placid", "plucky",
    "polar", "proud", "quick", "quiet", "rapid", "rustic", "sandy", "serene", "sharp", "silent",
    "silver", "smooth", "solar", "spry", "steady", "still", "stout", "subtle", "sunny", "swift",
    "tender", "tidal", "tranquil", "trusty", "upper", "velvet", "verdant", "vivid", "warm",
    "wild", "windy", "wise", "young",
)  # fmt: skip
_NOUNS = (
    "banks", "basin", "bay", "beck", "bend", "bight", "bourn", "branch", "bridge", "brook",
    "canal", "cape", "cascade", "cataract", "cay", "channel", "cove", "creek", "current",
    "delta", "drift", "eddy", "estuary", "fall", "falls", "fen", "fjord", "fleet", "flood",
    "flow", "ford", "fount", "gill", "glen", "gorge", "gulf", "harbor", "haven", "inlet",
    "isle", "island", "lagoon", "lake", "marsh", "meadow", "mere", "mill", "moor", "mouth",
    "oxbow", "pond", "pool", "rapids", "reach", "reef", "rill", "ripple", "river", "run",
    "shoal", "shore", "sluice", "sound", "source", "spring", "strait", "stream", "swell",
    "tarn", "tide", "torrent", "tributary", "vale", "wash", "water", "wave", "weir", "well",
    "wharf",
)  # fmt: skip
_LONGEST = 20


def random_name() -> str:
    """Return adjective-noun-number, 20 characters at most."""
    name = f"{secrets.choice(_ADJECTIVES)}-{secrets.choice(_NOUNS)}-{secrets.randbelow(1_001)}"
    return name if len(name) <= _LONGEST else random_name()
