//! Meetings without a TCP port of their own.

use std::net::SocketAddr;
use std::sync::Arc;

use parking::Parker;
use smol::channel::{self, Receiver};
use tsuji_host::Options;
use tsuji_host::control::Handle;
use tsuji_host::media::Shard;
use tsuji_host::start::{Parts, StartError, assemble};
use tsuji_host::threads::{Fault, Threads};

use crate::front::Front;
use crate::media::{self, Socket};
use crate::service::Service;

/// Running meetings, for connections that come from elsewhere. Dropped, they end.
#[derive(Debug)]
pub struct Meetings {
    service: Service,
    addresses: Vec<SocketAddr>,
    handle: Handle,
    threads: Option<Threads>,
    stopping: Receiver<()>,
}

impl Meetings {
    /// Takes the UDP ports and starts. [`Options::listen`] is not used.
    pub fn start(options: &Options) -> Result<Self, StartError> {
        Self::start_behind(options, None)
    }

    /// The same behind a TCP port, where media may come too.
    pub(crate) fn start_behind(
        options: &Options,
        door: Option<SocketAddr>,
    ) -> Result<Self, StartError> {
        let parker = Parker::new();
        let front_bell = parker.unparker();
        let Parts {
            clock,
            desk,
            control,
            shards,
            mut threads,
            addresses,
            handle,
            ..
        } = assemble(options, door, front_bell.clone().into(), media::bell)?;

        let mut sides = Vec::with_capacity(shards.len());
        for parts in shards {
            let sockets: Result<Vec<_>, _> = parts.sockets.into_iter().map(Socket::new).collect();
            let sockets = sockets.map_err(StartError::system("UDP address"))?;
            let watched: Result<Vec<_>, _> = sockets.iter().map(Socket::watch).collect();
            let watched = watched.map_err(StartError::system("file descriptor"))?;
            let shard = Shard::new(parts.media, sockets);
            let shard = shard.map_err(StartError::system("UDP socket"))?;
            sides.push((parts.bell, watched, shard));
        }
        let front = Arc::new(Front::new(clock, desk, front_bell.into()));
        let service = Service {
            front: Arc::clone(&front),
        };
        let (told, stopping) = channel::bounded(1);

        for (number, (heard, watched, shard)) in sides.into_iter().enumerate() {
            let run = move || media::run(heard, &watched, shard);
            threads
                .spawn(&format!("media-{number}"), run)
                .map_err(StartError::system("thread"))?;
        }
        threads
            .spawn("front", move || front.run(&parker, &control, told))
            .map_err(StartError::system("thread"))?;
        Ok(Self {
            service,
            addresses,
            handle,
            threads: Some(threads),
            stopping,
        })
    }

    /// Serves connections.
    pub fn service(&self) -> Service {
        self.service.clone()
    }

    /// The UDP addresses that they receive media on, with the real ports.
    pub fn media_addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Reaches them from elsewhere.
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// Waits until stopping begins.
    pub(crate) async fn stopping(&self) {
        // Nothing is ever sent: it is closed.
        let _ = self.stopping.recv().await;
    }

    /// Waits until they have ended. When their threads do not end in time after they were told to,
    /// they are left behind ([`Fault::Stuck`]): the process should end then.
    pub async fn wait(mut self) -> Result<(), Fault> {
        match self.threads.take() {
            Some(threads) => smol::unblock(move || threads.wait()).await,
            None => Ok(()),
        }
    }
}

impl Drop for Meetings {
    fn drop(&mut self) {
        self.handle.stop();
    }
}
