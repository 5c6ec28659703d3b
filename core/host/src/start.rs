//! Everything that a server needs, bound and made and connected, before anything runs.
#![expect(
    clippy::disallowed_types,
    reason = "bound sockets are only handed on: no byte is moved here"
)]

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, UdpSocket};
use std::sync::Arc;
use std::task::Waker;

use tsuji_core::{Certificate, CertificateError, Config, LocalAddress, Sfu, Transport};
use tsuji_signaling::ice_server::{IceServers, TurnSecret};

use crate::clock::Clock;
use crate::control::{Control, Handle, Told, control};
use crate::dump::bell;
use crate::front::relay::{Ground, Peers};
use crate::front::{Desk, Drain, Links};
use crate::guards::JoinKeyError;
use crate::limits::Limits;
use crate::media;
use crate::metrics::{self, Watch};
use crate::options::{Options, OptionsError};
use crate::ports;
use crate::queue::queue;
use crate::reach::{Asked, IceServerError, LearnError, ice_servers, interfaces, learn, told};
use crate::record::{RecordError, Recording};
use crate::threads::Threads;
use crate::tls::{Tls, TlsError};

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
    /// The address for those who watch over the server cannot be used.
    #[error("cannot answer /metrics on {address} (TCP): {}", why(.source))]
    Metrics {
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
    /// How others see the UDP sockets is not known.
    #[error(transparent)]
    Learn(#[from] LearnError),
    /// Participants cannot be told of a TURN server.
    #[error(transparent)]
    IceServer(#[from] IceServerError),
    /// The system gave no randomness.
    #[error("the system gave no random numbers: {0}")]
    Random(getrandom::Error),
    /// There is no certificate for the media (DTLS).
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// There is no HTTPS.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// Tokens cannot be checked.
    #[error(transparent)]
    JoinKey(#[from] JoinKeyError),
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

impl StartError {
    /// The system refused a `what`.
    pub fn system(what: &'static str) -> impl Fn(io::Error) -> Self {
        move |source| Self::System { what, source }
    }
}

/// What a runtime runs.
#[derive(Debug)]
#[non_exhaustive]
pub struct Parts {
    /// The one clock.
    pub clock: Clock,
    /// The bounds.
    pub limits: Limits,
    /// The front's state.
    pub desk: Desk,
    /// What the front is told from elsewhere.
    pub control: Control,
    /// The media side's state, without its sockets.
    pub media: media::Parts,
    /// The sockets of the media side; they do not block.
    pub sockets: Vec<UdpSocket>,
    /// For the threads that the runtime starts.
    pub threads: Threads,
    /// The UDP addresses that it receives media on, with the real ports.
    pub addresses: Vec<SocketAddr>,
    /// Reaches the server from any thread.
    pub handle: Handle,
}

/// Where newcomers knock.
#[derive(Debug)]
pub struct Door {
    /// Does not block.
    pub listener: TcpListener,
    /// What is bound, with the real port.
    pub address: SocketAddr,
    /// What secures those who come in; `None` for plain HTTP.
    pub tls: Option<Tls>,
}

impl Door {
    /// Takes the TCP port, and what HTTPS needs.
    pub fn open(options: &Options) -> Result<Self, StartError> {
        let tls = Tls::load(options)?;
        let error = |source| StartError::Listen {
            address: options.listen,
            source,
        };
        let listener = ports::listen(options.listen, &Limits::default()).map_err(error)?;
        let address = listener.local_addr().map_err(error)?;
        if tls.is_none() && !address.ip().is_loopback() {
            tracing::warn!(
                "browsers give camera and microphone to secure pages only: who opens \
                 http://{address}/ from elsewhere can not take part. Use --tls self-signed (in a \
                 LAN), --acme, --tls-cert and --tls-key, or a web server with HTTPS in front"
            );
        }
        Ok(Self {
            listener,
            address,
            tls,
        })
    }

    /// The SHA-256 fingerprint of a certificate that nobody vouches for.
    pub fn fingerprint(&self) -> Option<String> {
        self.tls.as_ref()?.fingerprint().map(str::to_owned)
    }

    /// What to open in a browser on this machine.
    pub fn url(&self) -> String {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        format!("{scheme}://{}/", here(self.address))
    }
}

/// The address under which a server on this machine reaches itself.
fn here(mut address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        address.set_ip(match address.ip() {
            IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
        });
    }
    address
}

/// Takes the UDP ports and makes everything. `door`: the TCP socket that the runtime listens on, if
/// it does. `front` and `media` end the waiting of the two sides.
pub fn assemble(
    options: &Options,
    door: Option<SocketAddr>,
    front: Waker,
    media: Waker,
) -> Result<Parts, StartError> {
    let limits = options.guards.host_limits();
    let join_key = options.guards.join_key()?;
    let clock = Clock::start();
    let sockets = Sockets::bind(options, door, &limits)?;
    let bound = sockets.bound()?;
    let (orders_in, orders_out) = queue(
        limits.queue,
        limits.queue_backlog,
        front.clone(),
        media.clone(),
    );
    let (bell, dumper) = bell(options.trace_dir().to_owned(), media.clone());
    let (notices_in, notices_out) = queue(limits.queue, limits.queue_backlog, media, front.clone());
    let threads = Threads::new(clock, limits.stop_total);
    let told = Arc::<Told>::default();
    let watch = watch(options, clock, &told)?;
    let (media_reporter, front_reporter) = match &watch {
        Some(watch) => {
            watch.receiving_at(&sockets.udp);
            (watch.media(), watch.front())
        }
        None => Default::default(),
    };
    let (control, handle) = control(
        Arc::clone(&told),
        front,
        threads.events(),
        bell.clone(),
        watch,
    );

    let relays = match door {
        Some(_) if options.serves_tls() && !options.no_turn => Some(TurnSecret::new(&seed()?)),
        _ => None,
    };
    let ice_servers = IceServers {
        servers: ice_servers(&options.ice_server)?,
        relay: relays.clone(),
        epoch: clock.epoch(),
    };
    let config = Config {
        addresses: sockets.addresses,
        certificate: Certificate::generate()?,
        limits: tsuji_core::Limits {
            estimate_bandwidth: !options.no_bandwidth_estimation,
            video_codec: options.video_codec,
            ..options.guards.core_limits()
        },
    };
    let (seed_of_media, epoch) = (seed()?, clock.epoch());
    let mut sfu = Sfu::new(config.clone(), seed_of_media, epoch);
    if let Some(bytes) = options.trace_memory_bytes() {
        sfu.keep_decisions(seed_of_media, bytes);
    }
    let recording = match options.recording() {
        Some(record) => Recording::start(&record, &config, seed_of_media, epoch, &sfu)?,
        None => Recording::default(),
    };
    let mut desk = Desk::new(
        limits.clone(),
        options.guards.signaling_limits(),
        seed()?,
        orders_in,
        notices_out,
        Links {
            trace: bell,
            drain: Drain {
                told,
                limit: options.drain(),
            },
            reporter: front_reporter,
            relays: relays.map(|secret| Ground {
                secret,
                epoch,
                peers: Peers::of(&config.addresses),
            }),
        },
    );
    desk.tell_ice_servers(ice_servers);
    desk.allow_origins(&options.guards.origin);
    if let Some(key) = join_key {
        desk.admit_bearers(key, epoch);
    }
    Ok(Parts {
        clock,
        desk,
        media: media::Parts {
            clock,
            limits: limits.clone(),
            sfu,
            recording,
            dumper,
            reporter: media_reporter,
            listener: door.filter(|_| !options.no_ice_tcp),
            orders: orders_out,
            notices: notices_in,
        },
        limits,
        addresses: bound,
        handle,
        control,
        sockets: sockets.udp,
        threads,
    })
}

/// Begins to answer those who watch over the server, if the options want that.
fn watch(
    options: &Options,
    clock: Clock,
    told: &Arc<Told>,
) -> Result<Option<Arc<Watch>>, StartError> {
    let Some(address) = options.metrics else {
        return Ok(None);
    };
    let error = |source| StartError::Metrics { address, source };
    let listener = ports::listen(address, &Limits::default()).map_err(error)?;
    let address = listener.local_addr().map_err(error)?;
    let watch = Arc::new(Watch::new(clock, Arc::clone(told)));
    metrics::serve(listener, Arc::clone(&watch)).map_err(StartError::system("thread"))?;
    tracing::info!(metrics = %address, "/metrics and /healthz are answered");
    if !address.ip().is_loopback() {
        tracing::info!("whoever reaches --metrics {address} sees how many people meet here");
    }
    Ok(Some(watch))
}

/// Bound UDP sockets, and what participants are told.
pub(crate) struct Sockets {
    pub(crate) udp: Vec<UdpSocket>,
    pub(crate) addresses: Vec<LocalAddress>,
}

impl Sockets {
    /// Binds what the options ask for. `door`: the TCP socket that media may come to too.
    pub(crate) fn bind(
        options: &Options,
        door: Option<SocketAddr>,
        limits: &Limits,
    ) -> Result<Self, StartError> {
        let own = interfaces::usable();
        let asked = Asked {
            listen: options.listen,
            udp: &options.udp,
            advertise: &options.advertise,
            own: &own,
        };
        asked.check()?;
        let mut udp = Vec::new();
        for address in asked.udp_sockets() {
            let socket = ports::bind_udp(address, limits);
            udp.push(socket.map_err(|source| StartError::Udp { address, source })?);
        }
        let learnt = match &options.stun {
            Some(server) => learn(server, &udp)?,
            None => vec![None; udp.len()],
        };
        let mut bound = Vec::with_capacity(udp.len());
        for (socket, learnt) in udp.iter().zip(learnt) {
            let own = socket.local_addr();
            bound.push((own.map_err(StartError::system("UDP address"))?, learnt));
        }
        let door = door.filter(|_| !options.no_ice_tcp);
        let addresses = told(&asked, &bound, door);
        for LocalAddress {
            transport,
            socket,
            advertised,
        } in &addresses
        {
            match transport {
                Transport::Udp => tracing::info!(%socket, %advertised, "media"),
                Transport::Tcp => tracing::info!(%socket, %advertised, "media over TCP"),
            }
            if socket.ip().is_loopback() && !advertised.ip().is_loopback() {
                tracing::warn!(
                    "{socket} is reachable from this machine only, whatever is advertised; \
                     0.0.0.0:{} is reachable from elsewhere",
                    socket.port()
                );
            }
        }
        Ok(Self { udp, addresses })
    }

    /// What is bound, with the real ports.
    fn bound(&self) -> Result<Vec<SocketAddr>, StartError> {
        let bound = self.udp.iter().map(UdpSocket::local_addr);
        let bound: Result<_, _> = bound.collect();
        bound.map_err(StartError::system("UDP address"))
    }
}

/// A seed of its own for each state machine, so that what one of them shows tells nothing about
/// the other.
fn seed() -> Result<[u8; 32], StartError> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).map_err(StartError::Random)?;
    Ok(seed)
}

/// Why a port cannot be taken, in words.
pub(crate) fn why(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::AddrInUse => "another program is using that port".to_owned(),
        io::ErrorKind::AddrNotAvailable => "this machine has no such address".to_owned(),
        io::ErrorKind::PermissionDenied => {
            "the system does not allow it; ports below 1024 need a privilege".to_owned()
        }
        _ => error.to_string(),
    }
}
