"""`python -m hoploom.output_service`: one output instance."""

from hoploom.kit.starting import cheaply

with cheaply():
    from hoploom.kit.lifecycle import main
    from hoploom.output_service.app import make_app
    from hoploom.output_service.settings import Settings

if __name__ == "__main__":
    main(make_app, Settings, "output_service")
