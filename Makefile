# make run      boot a guest, from nothing to its console
# make check    everything CI checks
# make bench    figures, side by side with an installed libvirt
# make install  DESTDIR= PREFIX=/usr

PREFIX ?= /usr
DESTDIR ?=
CARGO ?= cargo
scripts := tests/scripts

export CARGO

.DEFAULT_GOAL := help
.PHONY: help build run check bench install

help:
	@sed -n 's/^# //p' Makefile

build:
	$(CARGO) build --release --locked --package qemud --package proxyd --package secretd

run:
	@$(scripts)/run

check:
	@$(scripts)/check

bench:
	@$(scripts)/bench

install: build
	@DESTDIR='$(DESTDIR)' PREFIX='$(PREFIX)' $(scripts)/install
