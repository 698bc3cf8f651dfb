"""Users for tests."""

from hoploom.manager.people.users import User
from hoploom.wire.people import Role

HASH = "$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$aGFzaA"
ANNA = User(name="anna", role=Role.ADMIN, hash=HASH, since_us=7, changed=3)
BERT = User(name="bert", role=Role.ADMIN, hash=HASH)
CARL = User(name="carl", role=Role.VIEWER, hash=HASH)
