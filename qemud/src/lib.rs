//! virtqemud: QEMU guests for libvirt clients.
