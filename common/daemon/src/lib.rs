//! The frame of every daemon: command line, .conf files, logging, sd-notify, activation, signals, idle exit.
