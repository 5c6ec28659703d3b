//! The relays, as the media side knows them.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use tsuji_core::Path;
use tsuji_signaling::ConnectionId;

/// Which connection is the relay of which paths. The front gives each connection a relayed address of
/// its own.
#[derive(Debug, Default)]
pub(super) struct Relays {
    paths: BTreeMap<ConnectionId, Vec<Path>>,
    connections: BTreeMap<SocketAddr, ConnectionId>,
}

impl Relays {
    /// A datagram came on this path. There are no more of them than we have sockets.
    pub(super) fn note(&mut self, connection: ConnectionId, path: Path) {
        let paths = self.paths.entry(connection).or_default();
        if !paths.contains(&path) {
            paths.push(path);
        }
        self.connections.insert(path.remote, connection);
    }

    /// Which one leads to the relayed address of this path.
    pub(super) fn connection(&self, path: &Path) -> Option<ConnectionId> {
        self.connections.get(&path.remote).copied()
    }

    /// One has ended; gives its paths.
    pub(super) fn close(&mut self, connection: ConnectionId) -> Vec<Path> {
        let paths = self.paths.remove(&connection).unwrap_or_default();
        for path in &paths {
            self.connections.remove(&path.remote);
        }
        paths
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_relay_has_a_path_to_each_socket_until_it_ends() {
        let at = |port| SocketAddr::from(([192, 0, 0, 8], port));
        let socket = |port| SocketAddr::from(([127, 0, 0, 1], port));
        let (one, other) = (ConnectionId(1), ConnectionId(2));
        let paths = [1, 2].map(|port| Path::udp(socket(port), at(7)));
        let mut relays = Relays::default();
        for path in [paths[0], paths[1], paths[0]] {
            relays.note(one, path);
        }
        let another = Path::udp(socket(1), at(8));
        relays.note(other, another);
        assert_eq!(relays.connection(&paths[1]), Some(one));
        assert_eq!(relays.connection(&another), Some(other));
        assert_eq!(relays.close(one), paths);
        assert_eq!(relays.connection(&paths[0]), None);
        assert_eq!(relays.connection(&another), Some(other));
        assert_eq!(relays.close(one), []);
    }
}
