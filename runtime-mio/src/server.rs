//! Starts everything, waits for the end.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread::JoinHandle;

use tsuji_core::{Certificate, CertificateError, Config, LocalAddress, Sfu};

use crate::clock::Clock;
use crate::front::{self, Front, Listener};
use crate::limits::Limits;
use crate::options::{Options, OptionsError, UdpOption};
use crate::queue::queue;
use crate::record::{RecordError, Recording};
use crate::shard::{self, Shard};
use crate::signals::Signals;
use crate::stop::{Stopper, stop};
use crate::threads::{Event, Fault, spawn};
use crate::udp::UdpSocket;

/// Why the server did not start. Each is one sentence for the person who started it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The options contradict each other.
    #[error(transparent)]
    Options(#[from] OptionsError),
    /// The TCP address cannot be used.
    #[error("cannot listen on {address} (TCP): {}", why(.source))]
    Listen {
        /// Which.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// A UDP address cannot be used.
    #[error("cannot receive media on {address} (UDP): {}", why(.source))]
    Udp {
        /// Which.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// The system gave no randomness.
    #[error("the system gave no random numbers: {0}")]
    Random(getrandom::Error),
    /// There is no certificate for the media (DTLS).
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// The recording cannot be written.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// The system refused something else.
    #[error("the system refused a {what}: {source}")]
    System {
        /// What was needed.
        what: &'static str,
        /// Why not.
        source: io::Error,
    },
}

/// A running server.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    media: Vec<SocketAddr>,
    clock: Clock,
    limits: Limits,
    events: mpsc::Receiver<Event>,
    threads: Vec<JoinHandle<()>>,
    stopper: Stopper,
}

impl Server {
    /// Takes the ports and starts. With `signals` (see [`signals::take`](crate::signals::take)),
    /// the first of them stops the server.
    pub fn start(options: &Options, signals: Option<Signals>) -> Result<Self, StartError> {
        let limits = Limits::default();
        let clock = Clock::start();
        let (sockets, addresses) = bind_udp(options.udp_sockets()?, &limits)?;
        let media = sockets.iter().map(UdpSocket::address).collect();
        let listen_error = |source| StartError::Listen {
            address: options.listen,
            source,
        };
        let listener = Listener::bind(options.listen, &limits).map_err(listen_error)?;
        let address = listener.address().map_err(listen_error)?;

        let (front_poll, front_waker) = front::poll().map_err(system("poll"))?;
        let (shard_poll, shard_waker) = shard::poll().map_err(system("poll"))?;
        let (commands_in, commands_out) = queue(
            limits.queue,
            limits.queue_backlog,
            front_waker.clone(),
            shard_waker.clone(),
        );
        let (notices_in, notices_out) = queue(
            limits.queue,
            limits.queue_backlog,
            shard_waker,
            front_waker.clone(),
        );
        let (events_in, events) = mpsc::channel();
        let (stop, stopper) = stop(front_waker, events_in.clone());

        let config = Config {
            addresses,
            certificate: Certificate::generate()?,
            limits: tsuji_core::Limits::default(),
        };
        let datagram_bytes = config.limits.datagram_bytes;
        let (seed_of_media, epoch) = (seed()?, clock.epoch());
        let sfu = Sfu::new(config.clone(), seed_of_media, epoch);
        let recording = match options.recording() {
            Some(record) => {
                Recording::start(&record, &config, seed_of_media, epoch, sfu.is_hermetic())?
            }
            None => Recording::default(),
        };
        let shard = Shard::new(shard::Parts {
            poll: shard_poll,
            clock,
            limits: limits.clone(),
            sfu,
            recording,
            sockets,
            datagram_bytes,
            commands: commands_out,
            notices: notices_in,
        })
        .map_err(system("UDP event"))?;
        let front = Front::new(front::Parts {
            poll: front_poll,
            clock,
            limits: limits.clone(),
            signaling: tsuji_signaling::Limits::default(),
            seed: seed()?,
            listener,
            signals,
            stop,
            commands: commands_in,
            notices: notices_out,
        })
        .map_err(system("TCP event"))?;

        let threads = vec![
            spawn("media", events_in.clone(), move || shard.run()).map_err(system("thread"))?,
            spawn("front", events_in, move || front.run()).map_err(system("thread"))?,
        ];
        Ok(Self {
            address,
            media,
            clock,
            limits,
            events,
            threads,
            stopper,
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
        let mut address = self.address;
        if address.ip().is_unspecified() {
            address.set_ip(match address.ip() {
                IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
                IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
            });
        }
        format!("http://{address}/")
    }

    /// Stops it from elsewhere.
    pub fn stopper(&self) -> Stopper {
        self.stopper.clone()
    }

    /// Waits until it has stopped. When its threads do not end in time after they were told to,
    /// they are left behind ([`Fault::Stuck`]): the process should end then.
    pub fn wait(mut self) -> Result<(), Fault> {
        let mut running = self.threads.len();
        let mut deadline = None;
        let mut outcome = Ok(());
        while running > 0 {
            let event = match deadline {
                None => self.events.recv().map_err(RecvTimeoutError::from),
                deadline => {
                    let left = self.clock.until(deadline).unwrap_or_default();
                    self.events.recv_timeout(left)
                }
            };
            match event {
                Ok(Event::Stopping) => {}
                Ok(Event::Ended(result)) => {
                    running -= 1;
                    outcome = outcome.and(result);
                }
                Err(_) => return outcome.and(Err(Fault::Stuck)),
            }
            deadline = deadline.or(Some(self.clock.now() + self.limits.stop_total));
        }
        for thread in self.threads.drain(..) {
            // It has said that it ended, and a panic was caught inside it.
            let _ = thread.join();
        }
        outcome
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stopper.stop();
    }
}

fn bind_udp(
    options: Vec<UdpOption>,
    limits: &Limits,
) -> Result<(Vec<UdpSocket>, Vec<LocalAddress>), StartError> {
    let mut sockets = Vec::new();
    let mut addresses = Vec::new();
    for UdpOption { bind, advertise } in options {
        let socket = UdpSocket::bind(bind, limits).map_err(|source| StartError::Udp {
            address: bind,
            source,
        })?;
        let own = socket.address();
        let advertised = advertise.map_or(own, |advertise| {
            SocketAddr::new(advertise.address, advertise.port.unwrap_or(own.port()))
        });
        if own.ip().is_loopback() && !advertised.ip().is_loopback() {
            tracing::warn!(
                "--udp {own} is reachable from this machine only, whatever is advertised; \
                 --udp 0.0.0.0:{} is reachable from elsewhere",
                own.port()
            );
        }
        tracing::info!(socket = %own, %advertised, "media");
        sockets.push(socket);
        addresses.push(LocalAddress {
            socket: own,
            advertised,
        });
    }
    Ok((sockets, addresses))
}

/// A seed of its own for each state machine, so that what one of them shows tells nothing about
/// the other.
fn seed() -> Result<[u8; 32], StartError> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).map_err(StartError::Random)?;
    Ok(seed)
}

fn system(what: &'static str) -> impl Fn(io::Error) -> StartError {
    move |source| StartError::System { what, source }
}

fn why(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::AddrInUse => "another program is using that port".to_owned(),
        io::ErrorKind::AddrNotAvailable => "this machine has no such address".to_owned(),
        io::ErrorKind::PermissionDenied => {
            "the system does not allow it; ports below 1024 need a privilege".to_owned()
        }
        _ => error.to_string(),
    }
}
