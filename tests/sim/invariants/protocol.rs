//! What pages are told makes sense to them.

use super::{Finding, Invariant, View};

/// A page that believes what it is told is never surprised.
#[derive(Debug)]
pub(super) struct PageAgrees;

impl Invariant for PageAgrees {
    fn name(&self) -> &'static str {
        "page_agrees"
    }

    fn promise(&self) -> &'static str {
        "a page hears of people in order: a call before a slot, an exit once, offers one by one; and its connection never breaks by what the server sends"
    }

    fn glance(&mut self, view: &View<'_>) -> Finding {
        for tab in view.tabs.values() {
            if let Some(what) = tab.page.contradictions.first() {
                return Err(format!("page {}: {what}", tab.id.0));
            }
            let browser = tab.page.browser.as_ref();
            let failure = browser.and_then(|browser| browser.failure.as_ref());
            if let Some(failure) = failure.filter(|_| !tab.is_damaged()) {
                return Err(format!("page {}: {failure}", tab.id.0));
            }
        }
        Ok(())
    }
}
