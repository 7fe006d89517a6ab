//! libvirt's XML as typed configuration: parse, format, validate. No I/O.
