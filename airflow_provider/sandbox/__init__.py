"""The sandbox: local stand-ins of the five vendors with an inbox in the browser, so that all of Ulak runs with no account."""
