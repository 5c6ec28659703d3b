//! The TCP connections that carry media, as the media side knows them.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use tsuji_core::Path;
use tsuji_signaling::ConnectionId;

/// Which connection has which path.
#[derive(Debug)]
pub(super) struct Streams {
    /// What accepts them; `None` when there is no such socket.
    listener: Option<SocketAddr>,
    paths: BTreeMap<ConnectionId, Path>,
    connections: BTreeMap<SocketAddr, ConnectionId>,
}

impl Streams {
    pub(super) fn new(listener: Option<SocketAddr>) -> Self {
        Self {
            listener,
            paths: BTreeMap::new(),
            connections: BTreeMap::new(),
        }
    }

    /// One begins. If its remote address belonged to another that is still there, its client has
    /// given that one up.
    pub(super) fn open(&mut self, connection: ConnectionId, remote: SocketAddr) -> Opened {
        let Some(listener) = self.listener else {
            return Opened::Refused;
        };
        let before = self.connections.insert(remote, connection);
        self.paths.insert(connection, Path::tcp(listener, remote));
        before.map_or(Opened::New, Opened::InPlaceOf)
    }

    /// The path of one that is there.
    pub(super) fn path(&self, connection: ConnectionId) -> Option<Path> {
        self.paths.get(&connection).copied()
    }

    /// Which one leads there.
    pub(super) fn connection(&self, path: &Path) -> Option<ConnectionId> {
        self.connections.get(&path.remote).copied()
    }

    /// One has ended; gives its path, unless another has it now.
    pub(super) fn close(&mut self, connection: ConnectionId) -> Option<Path> {
        let path = self.paths.remove(&connection)?;
        if self.connection(&path) != Some(connection) {
            return None;
        }
        self.connections.remove(&path.remote);
        Some(path)
    }
}

/// What [`Streams::open`] found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Opened {
    New,
    InPlaceOf(ConnectionId),
    Refused,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_belongs_to_the_connection_that_had_it_last() {
        let at = |port| SocketAddr::from(([127, 0, 0, 1], port));
        let mut streams = Streams::new(Some(at(443)));
        let (first, second) = (ConnectionId(1), ConnectionId(2));
        let path = Path::tcp(at(443), at(4_000));
        assert_eq!(streams.open(first, at(4_000)), Opened::New);
        assert_eq!(streams.connection(&path), Some(first));
        assert_eq!(streams.open(second, at(4_000)), Opened::InPlaceOf(first));
        assert_eq!(streams.close(first), None);
        assert_eq!(streams.path(first), None);
        assert_eq!(streams.connection(&path), Some(second));
        assert_eq!(streams.close(second), Some(path));
        assert_eq!(streams.connection(&path), None);
        assert_eq!(streams.close(second), None);
    }

    #[test]
    fn without_a_socket_for_it_there_is_no_media_on_tcp() {
        let mut streams = Streams::new(None);
        let remote = SocketAddr::from(([127, 0, 0, 1], 4_000));
        assert_eq!(streams.open(ConnectionId(1), remote), Opened::Refused);
        assert_eq!(streams.path(ConnectionId(1)), None);
    }
}
