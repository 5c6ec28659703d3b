//! One certificate: ordered, proved, fetched, kept.

use std::io;
use std::thread;
use std::time::{Duration, Instant};

use instant_acme::{
    Account, AuthorizationStatus, ChallengeType, Error, Identifier, NewOrder, Order, OrderStatus,
};

use super::{Acme, challenge};
use crate::tls::error::TlsError;
use crate::tls::files::Current;
use crate::tls::keep;
use crate::tls::validity::{self, Validity};

/// The time between two questions whether the authority is done. 1 s: mostly it takes two.
const ASK: Duration = Duration::from_secs(1);
/// How long it may take to look, and to sign. 90 s: some look from several places.
const PATIENCE: Duration = Duration::from_secs(90);
/// The authority does not know the account (RFC 8555, 6.7).
const NO_ACCOUNT: &str = "urn:ietf:params:acme:error:accountDoesNotExist";
/// It does not take the number used once (RFC 8555, 6.5).
const BAD_NONCE: &str = "urn:ietf:params:acme:error:badNonce";

/// Why there is no certificate.
#[derive(Debug, thiserror::Error)]
pub(super) enum OrderError {
    #[error("{0}")]
    Authority(String),
    #[error("the authority: {0}")]
    Acme(#[from] Error),
    #[error("the authority does not let {0} be proved by TLS-ALPN-01")]
    NoChallenge(String),
    #[error("the authority does not believe that {name} leads here: {why}")]
    Refused { name: String, why: String },
    #[error("the authority did not finish within {PATIENCE:?}")]
    TooSlow,
    #[error("no proof could be made: {0}")]
    Proof(Box<dyn std::error::Error + Send + Sync>),
    #[error("it can't be kept: {0}")]
    Keep(#[source] io::Error),
    #[error("what came is of no use: {0}")]
    Unusable(#[source] TlsError),
    #[error("what came is no certificate")]
    Nonsense,
}

impl OrderError {
    /// Whether nothing is wrong: the same is asked again with another number. What sends the requests
    /// has tried that some times; an authority that has just started, or is many machines, may still
    /// refuse.
    pub(super) fn is_passing(&self) -> bool {
        matches!(self, Self::Acme(Error::Api(problem)) if problem.r#type.as_deref() == Some(BAD_NONCE))
    }
}

/// Gets a certificate; this takes as long as the authority does. The futures in here never wait for
/// anything but this thread.
pub(super) fn order(acme: &Acme, current: &Current) -> Result<Validity, OrderError> {
    pollster::block_on(async {
        let account = acme.account().await?;
        let mut order = match begin(acme, &account).await {
            Err(Error::Api(problem)) if problem.r#type.as_deref() == Some(NO_ACCOUNT) => {
                tracing::warn!("the authority does not know the account of before any more");
                begin(acme, &acme.new_account().await?).await
            }
            begun => begun,
        }?;
        prove(acme, current, &mut order).await?;
        let pem = fetch(&mut order).await?;
        keep(acme, &pem)
    })
}

async fn begin(acme: &Acme, account: &Account) -> Result<Order, Error> {
    let names: Vec<_> = acme.names.iter().cloned().map(Identifier::Dns).collect();
    account.new_order(&NewOrder::new(&names)).await
}

/// Shows what the authority wants to see, and has it look.
async fn prove(acme: &Acme, current: &Current, order: &mut Order) -> Result<(), OrderError> {
    let mut authorizations = order.authorizations();
    while let Some(authorization) = authorizations.next().await {
        let mut authorization = authorization?;
        let name = authorization.identifier().to_string();
        if authorization.status == AuthorizationStatus::Valid {
            continue;
        }
        let Some(mut wanted) = authorization.challenge(ChallengeType::TlsAlpn01) else {
            return Err(OrderError::NoChallenge(name));
        };
        let digest = wanted.key_authorization().digest();
        let proof = challenge::proof(&name, digest.as_ref(), &acme.provider);
        current.show_proof(name, proof.map_err(OrderError::Proof)?);
        if let Err(error) = wanted.set_ready().await {
            // A quick authority has looked before it answers, and says so here.
            return match order.refresh().await?.status {
                OrderStatus::Invalid => Err(why(order).await?),
                _ => Err(error.into()),
            };
        }
    }
    let end = Instant::now() + PATIENCE;
    loop {
        match order.refresh().await?.status {
            OrderStatus::Pending => pause(end)?,
            OrderStatus::Invalid => return Err(why(order).await?),
            OrderStatus::Ready | OrderStatus::Processing | OrderStatus::Valid => return Ok(()),
        }
    }
}

/// What the authority did not like.
async fn why(order: &mut Order) -> Result<OrderError, Error> {
    let mut authorizations = order.authorizations();
    while let Some(authorization) = authorizations.next().await {
        let mut authorization = authorization?;
        let state = authorization.refresh().await?;
        let error = state
            .challenges
            .iter()
            .find_map(|wanted| wanted.error.as_ref());
        if let Some(error) = error {
            let why = error.to_string();
            let name = state.identifier().to_string();
            return Ok(OrderError::Refused { name, why });
        }
    }
    Ok(Error::Str("the order is invalid").into())
}

/// The key and the chain, as PEM.
async fn fetch(order: &mut Order) -> Result<String, OrderError> {
    let key = order.finalize().await?;
    let end = Instant::now() + PATIENCE;
    loop {
        match order.certificate().await? {
            Some(chain) => return Ok(format!("{key}{chain}")),
            None => pause(end)?,
        }
    }
}

/// Kept only if it can be used; the watcher sees it then.
fn keep(acme: &Acme, pem: &str) -> Result<Validity, OrderError> {
    let files = acme.files();
    keep::directory(&acme.keep).map_err(OrderError::Keep)?;
    let parsed = files.parse(pem.as_bytes(), pem.as_bytes(), &acme.provider);
    let pair = parsed.map_err(OrderError::Unusable)?;
    let certificate = pair.cert.first().ok_or(OrderError::Nonsense)?;
    let validity = validity::of(certificate).ok_or(OrderError::Nonsense)?;
    keep::write(&files.key, pem, keep::SECRET).map_err(OrderError::Keep)?;
    Ok(validity)
}

fn pause(end: Instant) -> Result<(), OrderError> {
    if Instant::now() >= end {
        return Err(OrderError::TooSlow);
    }
    thread::sleep(ASK);
    Ok(())
}
