//! What is done with one connection, whatever the reason.

use tsuji_core::Time;
use tsuji_signaling::{ConnectionId, Input};

use super::connection::{Connection, Context};
use super::{Front, FrontError};

impl Front {
    /// Queues something for a WebSocket, and gives it up if its queue is full.
    pub(super) fn send(
        &mut self,
        t: Time,
        id: ConnectionId,
        send: impl FnOnce(&mut Connection) -> tungstenite::Result<()>,
    ) -> Result<(), FrontError> {
        let Some(connection) = self.connections.get_mut(&id) else {
            return Ok(());
        };
        self.touched.insert(id);
        if let Err(error) = send(connection) {
            tracing::debug!(%error, connection = id.0, "giving a WebSocket up");
            self.forget(id);
            self.ended(t, id)?;
        }
        Ok(())
    }

    /// Sends a close frame behind all that is queued, and tells the lobby.
    pub(super) fn close(
        &mut self,
        t: Time,
        id: ConnectionId,
        code: u16,
        reason: &'static str,
    ) -> Result<(), FrontError> {
        self.with(id, t, |connection, context| {
            connection.close(code, reason, context);
        });
        self.ended(t, id)
    }

    /// Tells the lobby, once, that a WebSocket is closed.
    pub(super) fn ended(&mut self, t: Time, connection: ConnectionId) -> Result<(), FrontError> {
        self.http.remove(&connection);
        if self.open.remove(&connection) {
            self.tell_lobby(t, Input::Closed { connection })?;
        }
        Ok(())
    }

    /// Does something with a connection that is still there, and remembers to settle it.
    pub(super) fn with<R>(
        &mut self,
        id: ConnectionId,
        t: Time,
        what: impl FnOnce(&mut Connection, &mut Context<'_>) -> R,
    ) -> Option<R> {
        let connection = self.connections.get_mut(&id)?;
        self.touched.insert(id);
        let mut context = Context {
            t,
            limits: &self.limits,
            config: self.config,
            scratch: &mut self.scratch,
        };
        Some(what(connection, &mut context))
    }

    /// Sends what waits in the connections that were touched, and notes what they wait for. A
    /// broken one may give the lobby something to tell others; so it goes on until all is told.
    pub(super) fn settle(&mut self) -> Result<(), FrontError> {
        let t = self.clock.now();
        while let Some(id) = self.touched.pop_first() {
            let Some(connection) = self.connections.get_mut(&id) else {
                continue;
            };
            if let Err(error) = connection.transmit(t) {
                tracing::debug!(%error, connection = id.0, "a connection broke");
                self.forget(id);
                self.ended(t, id)?;
                continue;
            }
            self.timers.set(id, connection.deadline(&self.limits));
            if !connection.is_http() {
                self.http.remove(&id);
            }
            if connection.wants_turn() {
                self.ready.insert(id);
            }
        }
        Ok(())
    }

    /// Drops a connection, and with it its socket.
    pub(super) fn forget(&mut self, id: ConnectionId) {
        self.connections.remove(&id);
        self.timers.set(id, None);
        self.http.remove(&id);
        self.ready.remove(&id);
        self.touched.remove(&id);
    }
}
