//! TLS under the bytes of a connection (RFC 8446), without IO.

use std::io::{ErrorKind, Read, Write};
use std::sync::Arc;

use rustls::{ServerConfig, ServerConnection};
use tsuji_core::Time;

use super::wire::Wire;
use crate::limits::Limits;

/// Plain bytes put into it at a time: a record holds 16 KiB (RFC 8446, 5.1).
const RECORD: usize = 16 * 1024;

/// Between the plain bytes of a connection and the sealed ones on its socket.
#[derive(Debug)]
pub(super) struct Session {
    tls: ServerConnection,
    /// Sealed bytes on their way out. Those that come are read at once.
    sealed: Wire,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Open,
    /// We have said that nothing follows.
    Closed,
    /// The peer broke the protocol: nothing that it says is understood any more.
    Broken,
}

impl Session {
    pub(super) fn new(config: &Arc<ServerConfig>, limits: &Limits) -> Result<Self, rustls::Error> {
        Ok(Self {
            tls: ServerConnection::new(Arc::clone(config))?,
            sealed: Wire::new(limits),
            state: State::Open,
        })
    }

    /// Opens what came, into `plain`.
    pub(super) fn open(&mut self, mut bytes: &[u8], plain: &mut Wire) {
        while !bytes.is_empty() && self.state != State::Broken {
            let taken = self.tls.read_tls(&mut bytes);
            let processed = self.tls.process_new_packets();
            self.take_plain(plain);
            match (taken, processed) {
                (Ok(_), Ok(io)) if io.peer_has_closed() => plain.receive_end(),
                (Ok(1..), Ok(_)) => {}
                (_, processed) => {
                    if let Err(error) = processed {
                        tracing::debug!(%error, "a client broke TLS");
                    }
                    self.state = State::Broken;
                }
            }
        }
        // An alert says what was wrong.
        self.collect();
    }

    /// Seals what waits in `plain`, as far as there is room for it.
    pub(super) fn seal(&mut self, t: Time, plain: &mut Wire) {
        while !self.sealed.is_paused() && !plain.is_flushed() {
            let bytes = plain.to_send();
            let bytes = &bytes[..bytes.len().min(RECORD)];
            let Ok(length @ 1..) = self.tls.writer().write(bytes) else {
                break;
            };
            plain.sent(t, length);
            self.collect();
        }
    }

    /// Says that nothing follows (`close_notify`).
    pub(super) fn close(&mut self) {
        if self.state == State::Open {
            self.state = State::Closed;
            self.tls.send_close_notify();
            self.collect();
        }
    }

    /// Whether the peer broke the protocol.
    pub(super) fn is_broken(&self) -> bool {
        self.state == State::Broken
    }

    /// The sealed bytes.
    pub(super) fn sealed(&self) -> &Wire {
        &self.sealed
    }

    /// The sealed bytes.
    pub(super) fn sealed_mut(&mut self) -> &mut Wire {
        &mut self.sealed
    }

    fn take_plain(&mut self, plain: &mut Wire) {
        let mut buffer = [0; 4096];
        loop {
            match self.tls.reader().read(&mut buffer) {
                Ok(length @ 1..) => plain.receive(&buffer[..length]),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                // Nothing more now, or ever.
                Ok(0) | Err(_) => return,
            }
        }
    }

    fn collect(&mut self) {
        let mut bytes = Vec::new();
        while self.tls.wants_write() && self.tls.write_tls(&mut bytes).is_ok() {}
        self.sealed.push_response(&bytes);
    }
}
