"""`python -m hoploom.manager`: one manager."""

from hoploom.kit.starting import cheaply

with cheaply():
    from hoploom.kit.lifecycle import main
    from hoploom.manager.app import make_app
    from hoploom.manager.settings import Settings

if __name__ == "__main__":
    main(make_app, Settings, "manager")
