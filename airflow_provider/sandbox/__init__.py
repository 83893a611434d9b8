"""The sandbox: local stand-ins of the five vendors with an inbox in the browser.

With it all of Ulak runs on a machine that has no account at any vendor. It shares no code with the engine's vendor
modules, whose mistakes it is there to find.
"""
