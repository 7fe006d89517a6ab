//! Addresses: drives, virtio-serial ports, PCI, USB, memory slots.

pub mod drive;
mod memory;
pub mod usb;
pub mod usb_set;
mod virtio_serial;

use model::domain::Domain;

use super::Board;
use super::error::DefaultsError;
use super::pci;

/// Gives an address to every device that needs one and has none, after all controllers a document implies exist.
pub fn assign(domain: &mut Domain, board: &Board<'_>) -> Result<(), DefaultsError> {
    virtio_serial::assign(domain)?;
    pci::assign::assign(domain, board)?;
    usb::assign(domain)?;
    memory::assign(domain)
}
