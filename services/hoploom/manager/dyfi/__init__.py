"""Keeps the mesh's names at dy.fi, or at any provider that speaks DynDNS2, pointing to where this datacenter is.

`answers` says what each word of a provider means, `record` what the leaders leave for one another, `plan` what is to be
done next: all three pure. `provider` makes the call, `outlook` asks for addresses, `updating` joins them under the role
`dyfi`, and `attaching` puts the whole into a manager.
"""
