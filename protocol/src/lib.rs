//! libvirt's wire protocol: XDR codec, message types, procedure tables, wire error. No I/O.
