"""`python -m hoploom.ping_service`: one ping worker."""

from hoploom.kit.starting import cheaply

with cheaply():
    from hoploom.kit.lifecycle import main
    from hoploom.ping_service.app import make_app
    from hoploom.ping_service.settings import Settings

if __name__ == "__main__":
    main(make_app, Settings, "ping_service")
