//! Sockets of the network.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, ToSocketAddrs};
use std::os::fd::{AsFd, OwnedFd};

use rustix::net::{AddressFamily, SocketFlags, SocketType, sockopt};

use super::SocketError;
use crate::config::Remote;

/// Names of services and their ports.
const SERVICES: &str = "/etc/services";

/// Makes the sockets that the options ask for; `true`: clients begin with TLS. May block for names of hosts.
pub(super) fn make(remote: &Remote, backlog: u32) -> Result<Vec<(TcpListener, bool)>, SocketError> {
    let mut made = Vec::new();
    for (wanted, port, tls) in
        [(remote.listen_tcp, &remote.tcp_port, false), (remote.listen_tls, &remote.tls_port, true)]
    {
        if wanted {
            let listeners = listen(remote.listen_addr.as_deref(), port, backlog).map_err(|source| {
                SocketError::Network { addr: remote.listen_addr.clone(), port: port.clone(), source }
            })?;
            made.extend(listeners.into_iter().map(|listener| (listener, tls)));
        }
    }
    Ok(made)
}

/// Whether a socket that was handed over is one of the network, and whether clients begin with TLS there: by the name of
/// its descriptor, else by its port.
pub(super) fn judge(label: Option<&str>, socket: &OwnedFd, remote: Option<&Remote>) -> Option<bool> {
    let remote = remote?;
    let family = sockopt::socket_domain(socket).ok()?;
    if family != AddressFamily::INET && family != AddressFamily::INET6 {
        return None;
    }
    let label = label.map(|label| label.strip_suffix(".socket").unwrap_or(label));
    match label {
        Some(label) if label.ends_with("-tls") => Some(true),
        Some(label) if label.ends_with("-tcp") => Some(false),
        _ => {
            let address = SocketAddr::try_from(rustix::net::getsockname(socket.as_fd()).ok()?).ok()?;
            Some(port_number(&remote.tls_port).is_ok_and(|port| port == address.port()))
        }
    }
}

fn listen(addr: Option<&str>, port: &str, backlog: u32) -> io::Result<Vec<TcpListener>> {
    let port = port_number(port)?;
    match addr {
        Some(addr) => {
            let addresses = (addr, port).to_socket_addrs()?;
            addresses.map(|address| bind(address, backlog)).collect()
        }
        None => {
            let four = bind(SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), port), backlog)?;
            let port = four.local_addr()?.port();
            match bind(SocketAddr::new(IpAddr::V6(Ipv6Addr::UNSPECIFIED), port), backlog) {
                Ok(six) => Ok(vec![four, six]),
                Err(error) if error.raw_os_error() == Some(rustix::io::Errno::AFNOSUPPORT.raw_os_error()) => {
                    tracing::info!("this host has no IPv6");
                    Ok(vec![four])
                }
                Err(error) => Err(error),
            }
        }
    }
}

fn bind(address: SocketAddr, backlog: u32) -> io::Result<TcpListener> {
    let family = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = rustix::net::socket_with(family, SocketType::STREAM, flags, None)?;
    // A daemon that starts again must not wait for the connections of the one before.
    sockopt::set_socket_reuseaddr(&socket, true)?;
    if address.is_ipv6() {
        sockopt::set_ipv6_v6only(&socket, true)?;
    }
    rustix::net::bind(&socket, &address)?;
    rustix::net::listen(&socket, i32::try_from(backlog).unwrap_or(i32::MAX))?;
    Ok(TcpListener::from(socket))
}

/// A port's number, or that of a service.
fn port_number(port: &str) -> io::Result<u16> {
    if let Ok(number) = port.parse() {
        return Ok(number);
    }
    let services = std::fs::read_to_string(SERVICES)?;
    let wanted = services.lines().find_map(|line| {
        let mut words = line.split('#').next()?.split_whitespace();
        let (name, number) = (words.next()?, words.next()?.strip_suffix("/tcp")?);
        (name == port || words.any(|alias| alias == port)).then(|| number.parse().ok())?
    });
    wanted.ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, format!("there is no service '{port}'")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_numbers_or_services() {
        assert_eq!(port_number("16514").unwrap(), 16514);
        assert!(port_number("no such service").unwrap_err().to_string().contains("no such service"));
        assert!(port_number("70000").is_err());
    }

    #[test]
    fn addresses_are_bound() {
        let listener = listen(Some("127.0.0.1"), "0", 5).unwrap().remove(0);
        let port = listener.local_addr().unwrap().port();
        std::net::TcpStream::connect(("127.0.0.1", port)).unwrap();
        assert!(listen(Some("127.0.0.1"), &port.to_string(), 5).is_err());
        assert!(!listen(None, "0", 5).unwrap().is_empty());
        assert!(listen(Some("no.such.host.invalid"), "0", 5).is_err());
    }
}
