//! The command line.

use std::net::SocketAddr;
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Parser, Subcommand, ValueEnum};
use instant_acme::LetsEncrypt;
use tracing_subscriber::EnvFilter;
use tsuji_core::trace::Kind;
use tsuji_core::{MAX_SHARDS, VideoCodec};

use crate::guards::Guards;
use crate::history::options::HistoryOptions;
use crate::history::tell::{ExportOptions, WhyOptions};
use crate::log::LogFormat;
use crate::reach::{Advertise, IceServerOption};
use crate::record::RecordOptions;
use crate::replay::ReplayOptions;

/// tsuji, a self-hosted video-meeting server.
///
/// One process serves the page, the rooms (WebSocket) and the media (WebRTC over UDP). Without any
/// option it is reachable from this machine only.
#[derive(Clone, Debug, Parser)]
#[command(
    name = "tsuji",
    version,
    max_term_width = 100,
    after_help = "Examples:\n  \
        tsuji\n      \
            Try it on this machine.\n  \
        tsuji --udp 0.0.0.0:10000 --advertise 203.0.113.5\n      \
            Serve people elsewhere: 203.0.113.5 is the address under which they reach this\n      \
            machine's UDP port 10000. Put a web server with HTTPS in front of port 8080:\n      \
            browsers give camera and microphone to secure pages only.\n  \
        tsuji --tls self-signed --listen 0.0.0.0:8443 --udp 192.168.1.5:10000\n      \
            Serve a LAN, in which this machine is 192.168.1.5: https://192.168.1.5:8443/\n  \
        tsuji --print-config > tsuji.toml; tsuji --config tsuji.toml\n      \
            Keep all that in a file.\n\n\
        Options are also read from the environment: TSUJI_TLS_CERT is --tls-cert. Several values\n\
        are separated by commas there. The command line counts most, then the environment, then\n\
        the file.\n\n\
        SIGINT (Ctrl-C) tells everybody and stops the server within two seconds. So does SIGTERM,\n\
        after the time of --drain; a second one does not wait for that."
)]
pub struct Options {
    /// Where to serve the page and the rooms (TCP). Port 0 takes any free port
    #[arg(
        long,
        value_name = "ADDR:PORT",
        default_value = "127.0.0.1:8080",
        value_parser = socket_address
    )]
    pub listen: SocketAddr,

    /// Where to receive and send media (UDP): this port, and one behind it for each further one of
    /// --shards. Port 0 takes any free ports. May be repeated: each address is offered to everybody
    #[arg(
        long,
        value_name = "ADDR:PORT",
        default_value = "127.0.0.1:10000",
        value_parser = socket_address
    )]
    pub udp: Vec<SocketAddr>,

    /// An address under which participants reach this server, when it is not one of its own: with
    /// a port, when a router changes that of UDP. Behind NAT and in a container: PUBLIC=LOCAL, where
    /// LOCAL is this machine's address, with ports on both sides when they differ. May be repeated.
    /// Without it they are told the bound addresses, and for 0.0.0.0 and [::] those of all
    /// interfaces
    #[arg(long, value_name = "PUBLIC[=LOCAL]")]
    pub advertise: Vec<Advertise>,

    /// Threads that forward media. Each has rooms, UDP ports and a trace of its own; a room is on one of
    /// them. By default as many as the machine has cores
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=i64::from(MAX_SHARDS)))]
    pub shards: Option<u8>,

    /// Ask this STUN server at the start how others see the UDP sockets, and tell participants that
    /// too
    #[arg(long, value_name = "HOST:PORT", value_parser = host_and_port)]
    pub stun: Option<String>,

    /// Give everybody the largest pictures that fill their tiles, without estimating what the paths
    /// to them carry (transport-wide congestion control): where all links are known to be wide
    #[arg(long)]
    pub no_bandwidth_estimation: bool,

    /// The codec of pictures that browsers are asked for first. Who can't send it sends another one, and
    /// who can't decode what somebody sends does not see it; all have vp8
    #[arg(
        long,
        value_name = "CODEC",
        default_value_t = VideoCodec::Vp8,
        value_parser = PossibleValuesParser::new(VideoCodec::ALL.map(VideoCodec::name))
            .try_map(|name| name.parse::<VideoCodec>())
    )]
    pub video_codec: VideoCodec,

    /// Offer media over UDP only, and not also on the TCP port of --listen
    #[arg(long)]
    pub no_ice_tcp: bool,

    /// Offer no relay (TURN over TLS) on the port of --listen. There is one when this server has HTTPS,
    /// for networks that let nothing else through; it leads to this server's media and nowhere else
    #[arg(long)]
    pub no_turn: bool,

    /// Tell participants of this STUN or TURN server, beside our own relay: its URL, perhaps with
    /// user=NAME and credential=PASSWORD, or with secret-file=FILE, which has the secret that the
    /// TURN server knows too (coturn's static-auth-secret), so that each gets a password for a day.
    /// In one argument, separated by spaces. May be repeated
    #[arg(long, value_name = "SERVER")]
    pub ice_server: Vec<IceServerOption>,

    /// Serve HTTPS with this certificate chain (PEM). It and the key are read again when they change
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub tls_cert: Option<PathBuf>,

    /// The private key of --tls-cert (PEM)
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub tls_key: Option<PathBuf>,

    /// Serve HTTPS without a certificate of yours. self-signed: make one, for a LAN. Browsers warn
    /// of it once; compare the fingerprint that is printed with the one that they show
    #[arg(long, value_name = "MODE", value_enum, conflicts_with = "tls_cert")]
    pub tls: Option<TlsMode>,

    /// Serve HTTPS with a certificate for this name, which is got and renewed by ACME (RFC 8555).
    /// May be repeated. The name must lead to this server, with its port 443 to --listen. You agree
    /// to the authority's terms by it
    #[arg(long, value_name = "DOMAIN", value_parser = domain, conflicts_with_all = ["tls", "tls_cert"])]
    pub acme: Vec<String>,

    /// Whom the authority may write to about the certificate of --acme
    #[arg(long, value_name = "ADDRESS")]
    pub acme_email: Option<String>,

    /// The authority that gives certificates: the URL of its directory
    #[arg(long, value_name = "URL", default_value = LetsEncrypt::Production.url())]
    pub acme_directory: String,

    /// Certificates (PEM) of those who vouch for the authority's own server. By default those whom
    /// browsers trust
    #[arg(long, value_name = "FILE")]
    pub acme_ca: Option<PathBuf>,

    /// Where a certificate that was made, or was given by ACME, is kept with its key
    #[arg(long, value_name = "DIR", default_value = "tsuji-tls")]
    pub tls_dir: PathBuf,

    /// Another name or address under which this server is opened, for a certificate that is made.
    /// May be repeated. Those of this machine and of --advertise need not be given
    #[arg(long, value_name = "NAME", value_parser = server_name)]
    pub tls_name: Vec<String>,

    /// On SIGTERM, let meetings go on for this long at most, and no new ones begin; the server stops
    /// when the last one is over. 0: stop at once. Ctrl-C always does
    #[arg(
        long,
        value_name = "SECONDS",
        default_value_t = 0,
        value_parser = clap::value_parser!(u64).range(..=86_400)
    )]
    pub drain: u64,

    /// Answer /metrics (for Prometheus) and /healthz on this address (TCP), which should be reached
    /// by nobody else than those who watch over the server
    #[arg(long, value_name = "ADDR:PORT", value_parser = socket_address)]
    pub metrics: Option<SocketAddr>,

    /// What to log (to stderr): error, warn, info, debug or trace, also by module, as in
    /// "info,tsuji_core=debug"
    #[arg(long, value_name = "FILTER", default_value = "info", value_parser = log_filter)]
    pub log: String,

    /// What a line of the log looks like. json: one object on each line
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = LogFormat::Text)]
    pub log_format: LogFormat,

    /// Record everything that is received and sent to files in this directory, for `tsuji replay`.
    /// Whoever has these files can see and hear the meetings
    #[arg(long, value_name = "DIR")]
    pub record: Option<PathBuf>,

    /// How much to record: everything, so that every byte can be made again; or only what decisions
    /// depend on, without media, keys and addresses, so that the files can be given to others
    #[arg(long, value_name = "KIND", value_enum, default_value_t = RecordKind::Full)]
    pub record_kind: RecordKind,

    /// Begin another file when one has this many bytes
    #[arg(
        long,
        value_name = "BYTES",
        default_value_t = 1 << 30,
        value_parser = clap::value_parser!(u64).range(1 << 20..)
    )]
    pub record_max_bytes: u64,

    /// Begin another file after this many seconds
    #[arg(
        long,
        value_name = "SECONDS",
        default_value_t = 3_600,
        value_parser = clap::value_parser!(u64).range(1..)
    )]
    pub record_max_seconds: u64,

    /// Mebibytes of memory, shared by all shards, for the decisions of the last minutes, which SIGUSR1 (or POST
    /// /debug/trace from this machine) writes to a file for `tsuji replay`. 32 are half an hour of
    /// ten people. 0: keep none
    #[arg(
        long,
        value_name = "MIB",
        default_value_t = 32,
        value_parser = clap::value_parser!(u32).range(..=4_096)
    )]
    pub trace_memory: u32,

    /// Where such files are written: by default the directory of --record, or else the current one
    #[arg(long, value_name = "DIR")]
    pub trace_dir: Option<PathBuf>,

    /// What is kept of meetings that are over.
    #[command(flatten)]
    pub history: HistoryOptions,

    /// Who may come in, and how much of everything there may be.
    #[command(flatten)]
    pub guards: Guards,
}

/// HTTPS without a certificate of yours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum TlsMode {
    /// Make a certificate that nobody vouches for.
    SelfSigned,
}

/// How much is recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum RecordKind {
    /// Whole datagrams, and keys.
    Full,
    /// No media, no keys, no addresses.
    Decisions,
}

/// tsuji, a self-hosted video-meeting server.
///
/// One process serves the page, the rooms (WebSocket) and the media (WebRTC over UDP). Without any
/// option it is reachable from this machine only.
#[derive(Clone, Debug, Parser)]
#[command(name = "tsuji", version, args_conflicts_with_subcommands = true)]
pub struct CommandLine {
    /// Something else than serving.
    #[command(subcommand)]
    pub action: Option<Action>,

    /// Read options from this file too (TOML). Each has the name that it has here, without the
    /// dashes before it: `listen = "0.0.0.0:443"`. Or from variables: `TSUJI_LISTEN`
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,

    /// Print all options as a config file, with their values and where those come from, and end
    #[arg(long)]
    pub print_config: bool,

    /// How to serve.
    #[command(flatten)]
    pub options: Options,
}

/// What else than serving.
#[derive(Clone, Debug, Subcommand)]
pub enum Action {
    #[expect(missing_docs, reason = "its help is that of its options")]
    Replay(ReplayOptions),
    #[expect(missing_docs, reason = "its help is that of its options")]
    Why(WhyOptions),
    #[expect(missing_docs, reason = "its help is that of its options")]
    Export(ExportOptions),
    /// Check this machine and the options, before anybody is invited: ports, addresses, certificate,
    /// clock, buffers, limits. Takes the options of serving, from wherever they come
    Doctor,
}

/// What is wrong with options that are well-formed one by one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OptionsError {
    /// It could belong to several sockets.
    #[error(
        "--advertise {0} could belong to several --udp; say which, for example: --advertise \
         {public}={example}", public = .0.public.address, example = example(.0)
    )]
    Ambiguous(Advertise),
    /// IPv4 for IPv6, or the other way round.
    #[error(
        "--advertise {0} leads to no --udp: none is {family}",
        family = family(.0)
    )]
    Family(Advertise),
    /// A shard would have a port above 65535.
    #[error("--udp {0}: each of --shards takes the next port, and there are not so many behind it")]
    Ports(SocketAddr),
    /// The same in front of a router.
    #[error(
        "--advertise {0}: each of --shards takes the next port, and there are not so many behind it"
    )]
    PublicPorts(Advertise),
    /// Two of the options want the same port.
    #[error("--udp {udp} and --udp {other} take {shards} ports each (--shards), and share some")]
    Overlap {
        /// One.
        udp: SocketAddr,
        /// Another.
        other: SocketAddr,
        /// Ports that each takes.
        shards: u8,
    },
    /// Nothing listens there.
    #[error("--advertise {0}: neither --udp nor --listen is on the address behind the =")]
    NobodyThere(Advertise),
}

impl Options {
    /// Whether HTTPS is served, and not left to a web server in front.
    pub(crate) fn serves_tls(&self) -> bool {
        self.tls_cert.is_some() || self.tls.is_some() || !self.acme.is_empty()
    }

    /// Whether and how to record.
    pub(crate) fn recording(&self) -> Option<RecordOptions> {
        Some(RecordOptions {
            kind: match self.record_kind {
                RecordKind::Full => Kind::Full,
                RecordKind::Decisions => Kind::Decisions,
            },
            directory: self.record.clone()?,
            max_bytes: self.record_max_bytes,
            max_age: Duration::from_secs(self.record_max_seconds),
        })
    }

    /// How many threads forward media.
    pub(crate) fn shards(&self) -> u8 {
        let cores = || {
            let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
            u8::try_from(cores).map_or(MAX_SHARDS, |cores| cores.min(MAX_SHARDS))
        };
        self.shards.unwrap_or_else(cores)
    }

    /// Bytes for the decisions of the last minutes on one shard; `None` when none are to be kept.
    pub(crate) fn trace_memory_bytes(&self) -> Option<usize> {
        let mebibytes = match (self.trace_memory, &self.record) {
            (0, None) => return None,
            // A recording takes them from this memory, and may be of decisions.
            (0, Some(_)) => 1,
            (mebibytes, _) => mebibytes,
        };
        let bytes = usize::try_from(mebibytes).ok()?.checked_mul(1 << 20)?;
        Some(bytes / usize::from(self.shards()))
    }

    /// Where the decisions of the last minutes are written.
    pub(crate) fn trace_dir(&self) -> &Path {
        let given = self.trace_dir.as_deref().or(self.record.as_deref());
        given.unwrap_or(Path::new("."))
    }

    /// How long meetings may go on once the server is told to end.
    pub(crate) fn drain(&self) -> Duration {
        Duration::from_secs(self.drain)
    }
}

pub(crate) fn socket_address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| {
        "expected an IP address and a port, such as 127.0.0.1:8080 or [::1]:8080".to_owned()
    })
}

/// What ACME gives certificates for, in lower case.
fn domain(text: &str) -> Result<String, String> {
    match rustls::pki_types::ServerName::try_from(text) {
        Ok(rustls::pki_types::ServerName::DnsName(name)) => Ok(name.as_ref().to_ascii_lowercase()),
        _ => Err("expected a DNS name, such as meet.example.org".to_owned()),
    }
}

fn host_and_port(text: &str) -> Result<String, String> {
    let port = text
        .rsplit_once(':')
        .map(|(host, port)| (host, port.parse::<u16>()));
    match port {
        Some((host, Ok(1..))) if !host.is_empty() => Ok(text.to_owned()),
        _ => Err("expected a name or an address and a port, such as stun.example:3478".to_owned()),
    }
}

fn server_name(text: &str) -> Result<String, String> {
    rustls::pki_types::ServerName::try_from(text)
        .map(|name| name.to_str().into_owned())
        .map_err(|_| "expected a DNS name or an IP address".to_owned())
}

pub(crate) fn log_filter(text: &str) -> Result<String, String> {
    EnvFilter::try_new(text)
        .map(|_| text.to_owned())
        .map_err(|error| error.to_string())
}

fn family(advertise: &Advertise) -> &'static str {
    if advertise.public.address.is_ipv4() {
        "IPv4"
    } else {
        "IPv6"
    }
}

fn example(advertise: &Advertise) -> &'static str {
    if advertise.public.address.is_ipv4() {
        "10.0.0.1"
    } else {
        "fd00::1"
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    fn options(arguments: &[&str]) -> Options {
        Options::try_parse_from([&["tsuji"], arguments].concat()).unwrap()
    }

    #[test]
    fn the_command_line_is_well_formed() {
        CommandLine::command().debug_assert();
    }

    #[test]
    fn serving_needs_no_word_and_replaying_takes_no_option_of_it() {
        let parse =
            |arguments: &[&str]| CommandLine::try_parse_from([&["tsuji"], arguments].concat());
        let serve = parse(&["--listen", "127.0.0.1:9"]).unwrap();
        assert!(serve.action.is_none());
        assert_eq!(serve.options.listen.port(), 9);
        let replay = parse(&["replay", "a.trace", "--participant", "p3"]).unwrap();
        assert!(matches!(replay.action, Some(Action::Replay(_))));
        assert!(parse(&["--listen", "127.0.0.1:9", "replay", "a.trace"]).is_err());
        assert!(parse(&["replay", "a.trace", "--participant", "3"]).is_err());
        assert!(parse(&["--record-max-bytes", "5"]).is_err());
    }

    #[test]
    fn without_options_nothing_is_reachable_from_elsewhere() {
        let options = options(&[]);
        assert!(options.listen.ip().is_loopback());
        assert_eq!(options.udp.len(), 1);
        assert!(options.udp[0].ip().is_loopback());
    }
}
