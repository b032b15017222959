//! How much work lies between two looks at the clock.
//!
//! Time is not looked at after every step, since a look costs as much as twenty of them, nor after every
//! search, since one may take seconds. Whoever works counts its work instead, in bytes times the threads
//! of the automaton that each may cost a step, and a look is due after a fixed amount of it: some ten
//! milliseconds at most, measured with expressions that are as slow as they come (15 ns a unit).

use std::cell::Cell;

/// Units of work between two looks.
pub(super) const WORK_PER_LOOK: u64 = 4 << 20;

/// Work counted for one search on one thread.
pub(crate) struct Pace<'a> {
    left: Cell<u64>,
    stop: &'a dyn Fn() -> bool,
}

impl<'a> Pace<'a> {
    /// `stop` looks at the clock, and says whether time is up.
    pub(crate) fn new(stop: &'a dyn Fn() -> bool) -> Self {
        Self { left: Cell::new(WORK_PER_LOOK), stop }
    }

    /// Counts `work`; false once time is up.
    pub(super) fn go_on(&self, work: u64) -> bool {
        if let Some(left) = self.left.get().checked_sub(work) {
            self.left.set(left);
            return true;
        }
        self.left.set(WORK_PER_LOOK);
        !(self.stop)()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_look_is_due_after_so_much_work() {
        let looks = Cell::new(0);
        let stop = || {
            looks.set(looks.get() + 1);
            looks.get() == 3
        };
        let pace = Pace::new(&stop);
        assert!(pace.go_on(WORK_PER_LOOK) && looks.get() == 0);
        assert!(pace.go_on(1) && looks.get() == 1);
        assert!(pace.go_on(u64::MAX) && looks.get() == 2);
        assert!(pace.go_on(WORK_PER_LOOK - 1) && pace.go_on(1) && !pace.go_on(1));
    }
}
