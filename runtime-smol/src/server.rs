//! Meetings with a TCP port of their own.

use std::io::ErrorKind;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

use futures_rustls::TlsAcceptor;
use smol::future::{or, yield_now};
use smol::{Async, Executor, Timer};
use tsuji_host::cli::{Failure, Running};
use tsuji_host::control::Handle;
use tsuji_host::start::{Door, StartError};
use tsuji_host::threads::Fault;
use tsuji_host::tls::Tls;
use tsuji_host::{Options, Trouble};

use crate::meetings::Meetings;

/// A server: meetings, and a TCP port where they are found.
#[derive(Debug)]
pub struct Server {
    meetings: Meetings,
    listener: Async<TcpListener>,
    address: SocketAddr,
    url: String,
    fingerprint: Option<String>,
    tls: Option<Tls>,
}

impl Server {
    /// Takes the ports. Newcomers are let in by [`run`](Self::run).
    pub fn bind(options: &Options) -> Result<Self, StartError> {
        let door = Door::open(options)?;
        let (address, url, fingerprint) = (door.address, door.url(), door.fingerprint());
        let listener = Async::new(door.listener).map_err(StartError::system("TCP event"))?;
        let meetings = Meetings::start_behind(options, Some(address))?;
        meetings.handle().watch_tls(door.tls.as_ref());
        Ok(Self {
            meetings,
            listener,
            address,
            url,
            fingerprint,
            tls: door.tls,
        })
    }

    /// The TCP address that it listens on, with the real port.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The UDP addresses that it receives media on, with the real ports.
    pub fn media_addresses(&self) -> &[SocketAddr] {
        self.meetings.media_addresses()
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
        self.meetings.handle()
    }

    /// Serves everybody, in this task, until the server is [stopped](Handle::stop).
    pub async fn run(self) -> Result<(), Fault> {
        let Self {
            meetings,
            listener,
            tls,
            ..
        } = self;
        let tls = tls.map(|tls| TlsAcceptor::from(Arc::clone(tls.config())));
        let connections = Executor::new();
        let serve = async {
            or(
                accept(&meetings, &listener, tls.as_ref(), &connections),
                meetings.stopping(),
            )
            .await;
            drop(listener);
            meetings.wait().await
        };
        connections.run(serve).await
    }
}

/// Lets newcomers in, for ever.
async fn accept(
    meetings: &Meetings,
    listener: &Async<TcpListener>,
    tls: Option<&TlsAcceptor>,
    connections: &Executor<'_>,
) {
    let service = meetings.service();
    let (clock, limits) = (&service.front.clock, &service.front.limits);
    let mut trouble = Trouble::new(limits.log_interval);
    let mut accepted = 0;
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                // Small messages are all there is; nobody should wait for Nagle's algorithm.
                if stream.get_ref().set_nodelay(true).is_ok() {
                    let service = service.clone();
                    let tls = tls.cloned();
                    let serve = async move { service.serve(stream, tls.as_ref(), peer).await };
                    connections.spawn(serve).detach();
                }
                accepted += 1;
                if accepted % limits.accepts_per_turn == 0 {
                    yield_now().await;
                }
            }
            // The newcomer went away again.
            Err(error)
                if matches!(
                    error.kind(),
                    ErrorKind::Interrupted
                        | ErrorKind::ConnectionAborted
                        | ErrorKind::ConnectionReset
                ) => {}
            Err(error) => {
                if let Some(times) = trouble.happened(clock.now()) {
                    tracing::warn!(%error, times, "cannot accept connections");
                }
                Timer::after(limits.accept_pause).await;
            }
        }
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
        Ok(smol::block_on(self.run())?)
    }
}
