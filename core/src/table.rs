//! A slab whose next free place depends on nothing but which places are taken, so that it can be
//! put together again from what it holds. The `slab` crate's depends on the order of removals.

use std::collections::BTreeSet;

/// Values with small indices. A value keeps its index; the lowest free one is given out next.
#[derive(Debug)]
pub(crate) struct Table<T> {
    places: Vec<Option<T>>,
    /// The free places among them.
    free: BTreeSet<usize>,
}

impl<T> Table<T> {
    pub(crate) fn new() -> Self {
        Self {
            places: Vec::new(),
            free: BTreeSet::new(),
        }
    }

    /// How many values there are.
    pub(crate) fn len(&self) -> usize {
        self.places.len() - self.free.len()
    }

    pub(crate) fn get(&self, index: usize) -> Option<&T> {
        self.places.get(index)?.as_ref()
    }

    pub(crate) fn get_mut(&mut self, index: usize) -> Option<&mut T> {
        self.places.get_mut(index)?.as_mut()
    }

    /// The index that the next [`Table::insert`] gives.
    pub(crate) fn vacant(&self) -> usize {
        self.free.first().copied().unwrap_or(self.places.len())
    }

    pub(crate) fn insert(&mut self, value: T) -> usize {
        match self.free.pop_first() {
            Some(index) => {
                self.places[index] = Some(value);
                index
            }
            None => {
                self.places.push(Some(value));
                self.places.len() - 1
            }
        }
    }

    pub(crate) fn remove(&mut self, index: usize) -> Option<T> {
        let value = self.places.get_mut(index)?.take()?;
        self.free.insert(index);
        Some(value)
    }

    /// Values with their indices, ascending.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (usize, &T)> {
        let places = self.places.iter().enumerate();
        places.filter_map(|(index, place)| Some((index, place.as_ref()?)))
    }

    /// The table that holds these values, in whatever order they are given. `None` when two of
    /// them have one index, or one has an index from `limit` on.
    pub(crate) fn from_values(
        limit: usize,
        values: impl IntoIterator<Item = (usize, T)>,
    ) -> Option<Self> {
        let mut table = Self::new();
        for (index, value) in values {
            if index >= limit {
                return None;
            }
            while table.places.len() <= index {
                table.free.insert(table.places.len());
                table.places.push(None);
            }
            if !table.free.remove(&index) {
                return None;
            }
            table.places[index] = Some(value);
        }
        Some(table)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lowest_free_index_is_next_whatever_happened_before() {
        let mut table = Table::new();
        for value in 'a'..='e' {
            table.insert(value);
        }
        for index in [3, 0, 1, 4] {
            assert!(table.remove(index).is_some());
            assert_eq!(table.remove(index), None);
        }
        assert_eq!((table.len(), table.vacant()), (1, 0));
        let again = Table::from_values(5, [(2, 'c')]).unwrap();
        let next = |mut table: Table<char>| [0; 4].map(|_| table.insert('x'));
        assert_eq!(next(table), [0, 1, 3, 4]);
        assert_eq!(next(again), [0, 1, 3, 4]);
    }

    #[test]
    fn impossible_tables_are_refused() {
        assert!(Table::from_values(5, [(5, ())]).is_none());
        assert!(Table::from_values(5, [(1, ()), (1, ())]).is_none());
    }
}
