"""`python -m hoploom.input_service`: one input instance."""

from hoploom.kit.starting import cheaply

with cheaply():
    from hoploom.input_service.app import make_app
    from hoploom.input_service.settings import Settings
    from hoploom.kit.lifecycle import main

if __name__ == "__main__":
    main(make_app, Settings, "input_service")
