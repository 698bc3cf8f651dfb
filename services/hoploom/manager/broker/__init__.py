"""The broker: names the instance of a service that a client had best ask itself."""
