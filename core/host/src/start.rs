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

use crate::admin::Admin;
use crate::aside;
use crate::clock::Clock;
use crate::control::{Control, Handle, Told, control};
use crate::dump::Bell;
use crate::front::relay::{Ground, Peers};
use crate::front::{Desk, Drain, Links, Side};
use crate::guards::JoinKeyError;
use crate::history::{HistoryError, Keeper};
use crate::limits::Limits;
use crate::media::feedback::Feedback;
use crate::media::overflow::Overflow;
use crate::media::{self, drops};
use crate::metrics::Watch;
use crate::options::{Options, OptionsError};
use crate::ports;
use crate::queue::queue;
use crate::reach::{
    Asked, IceServerError, LearnError, ice_servers, interfaces, learn, told_of_tcp, told_of_udp,
};
use crate::record::{RecordError, Recording};
use crate::sorting;
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
    /// The address of the operator's page cannot be used.
    #[error("cannot answer /admin on {address} (TCP): {}", why(.source))]
    Admin {
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
    /// The history cannot be written.
    #[error(transparent)]
    History(#[from] HistoryError),
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

/// What a runtime runs. `B`: what ends the waiting of a media side, as the runtime hears it.
#[derive(Debug)]
#[non_exhaustive]
pub struct Parts<B> {
    /// The one clock.
    pub clock: Clock,
    /// The bounds.
    pub limits: Limits,
    /// The front's state.
    pub desk: Desk,
    /// What the front is told from elsewhere.
    pub control: Control,
    /// The media sides, at least one.
    pub shards: Vec<ShardParts<B>>,
    /// For the threads that the runtime starts.
    pub threads: Threads,
    /// The UDP addresses that it receives media on, with the real ports.
    pub addresses: Vec<SocketAddr>,
    /// Reaches the server from any thread.
    pub handle: Handle,
}

/// What one media side is made of.
#[derive(Debug)]
#[non_exhaustive]
pub struct ShardParts<B> {
    /// Its state, without its sockets.
    pub media: media::Parts,
    /// Its sockets; they do not block.
    pub sockets: Vec<UdpSocket>,
    /// What ends its waiting.
    pub bell: B,
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
/// it does. `front` ends the waiting of the front; `bell` makes what does so for a media side.
pub fn assemble<B>(
    options: &Options,
    door: Option<SocketAddr>,
    front: Waker,
    bell: impl Fn() -> io::Result<(Waker, B)>,
) -> Result<Parts<B>, StartError> {
    let limits = options.guards.host_limits();
    let join_key = options.guards.join_key()?;
    let clock = Clock::start();
    let epoch = clock.epoch();
    let sockets = Sockets::bind(options, door, &limits)?;
    let addresses = sockets
        .iter()
        .flat_map(|sockets| sockets.bound.iter().copied());
    let addresses: Vec<_> = addresses.collect();
    let peers = Peers::of(sockets.iter().flat_map(|sockets| &sockets.addresses));
    let threads = Threads::new(clock, limits.stop_total);
    let told = Arc::<Told>::default();
    let watch = watch(options, clock, &told)?;
    if let Some(watch) = &watch {
        watch.receiving_at(sockets.iter().flat_map(Sockets::numbers).collect());
    }
    let numbers = sockets.iter().map(|sockets| sockets.numbers().collect());
    let mut overflows = Overflow::watch(numbers.collect()).into_iter();
    let certificate = Certificate::generate()?;
    let (mut trace, mut sides, mut shards) = (Bell::default(), Vec::new(), Vec::new());
    for (shard, sockets) in (0..).zip(sockets) {
        let (waker, bell) = bell().map_err(StartError::system("event"))?;
        let (orders_in, orders_out) = queue(
            limits.queue,
            limits.queue_backlog,
            front.clone(),
            waker.clone(),
        );
        let (notices_in, notices_out) = queue(
            limits.queue,
            limits.queue_backlog,
            waker.clone(),
            front.clone(),
        );
        sides.push(Side {
            orders: orders_in,
            notices: notices_out,
            sockets: sockets.bound,
        });
        let config = Config {
            addresses: sockets.addresses,
            certificate: certificate.clone(),
            limits: tsuji_core::Limits {
                estimate_bandwidth: !options.no_bandwidth_estimation,
                video_codec: options.video_codec,
                ..options.guards.core_limits()
            },
            shard,
        };
        let seed = seed()?;
        let mut sfu = Sfu::new(config.clone(), seed, epoch);
        if let Some(bytes) = options.trace_memory_bytes() {
            sfu.keep_decisions(seed, bytes);
        }
        let recording = match options.recording() {
            Some(record) => Recording::start(&record, &config, seed, epoch, &sfu)?,
            None => Recording::default(),
        };
        let reporter = watch.as_ref().map(|watch| watch.media(shard.into()));
        shards.push(ShardParts {
            media: media::Parts {
                clock,
                limits: limits.clone(),
                sfu,
                recording,
                dumper: trace.add(options.trace_dir().to_owned(), waker),
                reporter: reporter.unwrap_or_default(),
                overflow: overflows.next().unwrap_or_default(),
                feedback: sockets.feedback,
                listener: door.filter(|_| !options.no_ice_tcp),
                orders: orders_out,
                notices: notices_in,
            },
            sockets: sockets.udp,
            bell,
        });
    }

    let keeper = match &options.history.history {
        Some(path) => Keeper::start(path.clone(), options.history.keeping(), epoch)?,
        None => Keeper::default(),
    };
    let reporter = watch.as_ref().map(|watch| watch.front());
    let (control, handle) = control(
        Arc::clone(&told),
        front,
        threads.events(),
        trace.clone(),
        watch,
    );
    let relays = match door {
        Some(_) if options.serves_tls() && !options.no_turn => Some(TurnSecret::new(&seed()?)),
        _ => None,
    };
    let ice_servers = IceServers {
        servers: ice_servers(&options.ice_server)?,
        relay: relays.clone(),
        epoch,
    };
    let mut desk = Desk::new(
        limits.clone(),
        options.guards.signaling_limits(),
        seed()?,
        sides,
        Links {
            trace,
            drain: Drain {
                told,
                limit: options.drain(),
            },
            reporter: reporter.unwrap_or_default(),
            keeper,
            _admin: administer(options)?,
            relays: relays.map(|secret| Ground {
                secret,
                epoch,
                peers,
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
        limits,
        shards,
        addresses,
        handle,
        control,
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
    let watch = Arc::new(Watch::new(clock, Arc::clone(told), options.shards().into()));
    aside::serve(listener, Arc::clone(&watch)).map_err(StartError::system("thread"))?;
    tracing::info!(metrics = %address, "/metrics and /healthz are answered");
    if !address.ip().is_loopback() {
        tracing::info!("whoever reaches --metrics {address} sees how many people meet here");
    }
    Ok(Some(watch))
}

/// Begins to answer the operator's page, if the options want that. It ends with what this gives.
fn administer(options: &Options) -> Result<Option<Arc<Admin>>, StartError> {
    let (Some(address), Some(history)) = (options.history.admin, &options.history.history) else {
        return Ok(None);
    };
    let error = |source| StartError::Admin { address, source };
    let listener = ports::listen(address, &Limits::default()).map_err(error)?;
    let address = listener.local_addr().map_err(error)?;
    let admin = Arc::new(Admin::new(history.clone()));
    aside::serve(listener, Arc::clone(&admin)).map_err(StartError::system("thread"))?;
    tracing::info!(admin = %address, "the operator's page is at http://{address}/admin");
    if !address.ip().is_loopback() {
        tracing::warn!("whoever reaches --admin {address} sees who meets here, and when");
    }
    Ok(Some(admin))
}

/// The bound UDP sockets of one shard, and what participants are told.
pub(crate) struct Sockets {
    pub(crate) udp: Vec<UdpSocket>,
    /// Beside each of them, where the system sorts.
    pub(crate) feedback: Vec<Feedback>,
    /// Where they are bound, with the real ports.
    pub(crate) bound: Vec<SocketAddr>,
    pub(crate) addresses: Vec<LocalAddress>,
}

impl Sockets {
    /// Binds what the options ask for, for each shard. `door`: the TCP socket that media may come to
    /// too.
    pub(crate) fn bind(
        options: &Options,
        door: Option<SocketAddr>,
        limits: &Limits,
    ) -> Result<Vec<Self>, StartError> {
        let own = interfaces::usable();
        let asked = Asked {
            listen: options.listen,
            udp: options.udp.clone(),
            advertise: options.advertise.clone(),
            own: &own,
        };
        let shards = options.shards();
        asked.check(shards)?;
        let (mut sockets, mut all_bound) = (Vec::new(), Vec::new());
        for shard in 0..shards {
            let asked = asked.of_shard(shard)?;
            let mut udp = Vec::new();
            for address in asked.udp_sockets() {
                let socket = ports::bind_udp(address, limits);
                udp.push(socket.map_err(|source| StartError::Udp { address, source })?);
            }
            let learnt = match &options.stun {
                Some(server) => learn(server, &udp)?,
                None => vec![None; udp.len()],
            };
            let bound: Result<Vec<_>, _> = udp.iter().map(UdpSocket::local_addr).collect();
            let bound = bound.map_err(StartError::system("UDP address"))?;
            let feedback = udp.iter().zip(&bound);
            let feedback =
                feedback.filter_map(|(socket, address)| beside(socket, *address, limits));
            let feedback = feedback.collect();
            let seen: Vec<_> = bound.iter().copied().zip(learnt).collect();
            let addresses = told_of_udp(&asked, &seen);
            all_bound.extend(seen);
            sockets.push(Self {
                udp,
                feedback,
                bound,
                addresses,
            });
        }
        let door = door.filter(|_| !options.no_ice_tcp);
        let tcp = door.map(|door| told_of_tcp(&asked, &all_bound, door));
        let tcp = tcp.unwrap_or_default();
        sockets
            .iter()
            .flat_map(|sockets| &sockets.addresses)
            .chain(&tcp)
            .for_each(tell);
        for sockets in &mut sockets {
            sockets.addresses.extend_from_slice(&tcp);
        }
        Ok(sockets)
    }
}

impl Sockets {
    /// Those to which media comes, as the system numbers them. Those for feedback count what a filter leaves out as if
    /// they had no room for it.
    fn numbers(&self) -> impl Iterator<Item = u64> {
        self.udp.iter().filter_map(drops::number)
    }
}

/// The socket for feedback beside another. Without one each report wakes the media side, and costs more.
fn beside(socket: &UdpSocket, address: SocketAddr, limits: &Limits) -> Option<Feedback> {
    let beside = sorting::bind_for_feedback(socket, limits);
    match beside.and_then(|beside| Feedback::new(beside, address)) {
        Ok(feedback) => Some(feedback),
        Err(error) => {
            tracing::debug!(%error, socket = %address, "the system does not sort feedback");
            None
        }
    }
}

/// Says in the log what participants are told.
fn tell(address: &LocalAddress) {
    let LocalAddress {
        transport,
        socket,
        advertised,
    } = address;
    match transport {
        Transport::Udp => tracing::info!(%socket, %advertised, "media"),
        Transport::Tcp => tracing::info!(%socket, %advertised, "media over TCP"),
    }
    if socket.ip().is_loopback() && !advertised.ip().is_loopback() {
        tracing::warn!(
            "{socket} is reachable from this machine only, whatever is advertised; 0.0.0.0:{} is \
             reachable from elsewhere",
            socket.port()
        );
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
