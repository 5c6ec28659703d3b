//! Why there is no HTTPS.

use std::io;
use std::path::PathBuf;

/// Why there is no HTTPS. Each is one sentence for the person who started the server.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// A file can't be read.
    #[error("cannot read {}: {source}", .path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file can't be written.
    #[error("cannot keep a certificate in {}: {source}", .path.display())]
    Write {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file is not what it should be.
    #[error("{}: there is no {what} in it (PEM)", .path.display())]
    Missing {
        /// Which.
        path: PathBuf,
        /// What was looked for.
        what: &'static str,
    },
    /// Certificate and key are of no use, or not of use together.
    #[error("{} and {} are of no use: {source}", .certificate.display(), .key.display())]
    Pair {
        /// The certificate's file.
        certificate: PathBuf,
        /// The key's.
        key: PathBuf,
        /// Why.
        source: rustls::Error,
    },
    /// The library refused.
    #[error("there is no TLS: {0}")]
    Unusable(#[source] rustls::Error),
    /// No certificate could be made.
    #[error("no certificate could be made: {0}")]
    Make(#[source] rcgen::Error),
    /// The system refused a thread.
    #[error("the system refused a thread: {0}")]
    Thread(#[source] io::Error),
}
