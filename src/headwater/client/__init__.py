"""What a program or a command line needs to talk to a Headwater server over HTTP."""
