//! Starts everything, waits for the end.

use std::net::SocketAddr;

use tsuji_host::Options;
use tsuji_host::cli::{Failure, Running};
use tsuji_host::control::Handle;
use tsuji_host::media::Shard;
use tsuji_host::start::{Door, Parts, StartError, assemble};
use tsuji_host::threads::{Fault, Threads};

use crate::bell;
use crate::front::Front;
use crate::media;

/// A running server. Dropped, it stops.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    url: String,
    fingerprint: Option<String>,
    media: Vec<SocketAddr>,
    handle: Handle,
    threads: Option<Threads>,
}

impl Server {
    /// Takes the ports and starts.
    pub fn start(options: &Options) -> Result<Self, StartError> {
        let door = Door::open(options)?;
        let (front_poll, front_bell) = bell::poll().map_err(StartError::system("poll"))?;
        let Parts {
            clock,
            desk,
            control,
            shards,
            mut threads,
            addresses,
            handle,
            ..
        } = assemble(options, Some(door.address), front_bell, || {
            let (poll, bell) = bell::poll()?;
            Ok((bell, poll))
        })?;

        let mut sides = Vec::with_capacity(shards.len());
        for parts in shards {
            let sockets = parts.sockets.into_iter().map(media::Socket::new);
            let sockets: Result<Vec<_>, _> = sockets.collect();
            let sockets = sockets.map_err(StartError::system("UDP address"))?;
            let shard = Shard::new(parts.media, sockets);
            let mut shard = shard.map_err(StartError::system("UDP socket"))?;
            media::register(&parts.bell, &mut shard).map_err(StartError::system("UDP event"))?;
            sides.push((parts.bell, shard));
        }
        let (address, url) = (door.address, door.url());
        handle.watch_tls(door.tls.as_ref());
        let fingerprint = door.fingerprint();
        let front = Front::new(front_poll, clock, door, desk, control)
            .map_err(StartError::system("TCP event"))?;

        for (number, (poll, shard)) in sides.into_iter().enumerate() {
            threads
                .spawn(&format!("media-{number}"), move || media::run(poll, shard))
                .map_err(StartError::system("thread"))?;
        }
        threads
            .spawn("front", move || front.run())
            .map_err(StartError::system("thread"))?;
        Ok(Self {
            address,
            url,
            fingerprint,
            media: addresses,
            handle,
            threads: Some(threads),
        })
    }

    /// The TCP address that it listens on, with the real port.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The UDP addresses that it receives media on, with the real ports.
    pub fn media_addresses(&self) -> &[SocketAddr] {
        &self.media
    }

    /// What to open in a browser on this machine.
    pub fn url(&self) -> String {
        self.url.clone()
    }

    /// The SHA-256 fingerprint of a certificate that nobody vouches for (`--tls self-signed`).
    pub fn fingerprint(&self) -> Option<String> {
        self.fingerprint.clone()
    }

    /// Reaches it from elsewhere.
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// Waits until it has stopped. When its threads do not end in time after they were told to,
    /// they are left behind ([`Fault::Stuck`]): the process should end then.
    pub fn wait(mut self) -> Result<(), Fault> {
        self.threads.take().map_or(Ok(()), Threads::wait)
    }
}

impl Running for Server {
    fn url(&self) -> String {
        self.url()
    }

    fn fingerprint(&self) -> Option<String> {
        self.fingerprint()
    }

    fn handle(&self) -> Handle {
        self.handle()
    }

    fn wait(self) -> Result<(), Failure> {
        Ok(self.wait()?)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.handle.stop();
    }
}
