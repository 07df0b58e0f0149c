//! Changing single packages in a segment's text.

/// The stanzas of a text, each with its package's name and its empty line; none where the text is no list of such stanzas as are made here.
pub(in crate::index) fn stanzas(text: &str) -> Option<Vec<(&str, &str)>> {
    let (mut stanzas, mut rest) = (Vec::new(), text);
    while !rest.is_empty() {
        let (stanza, after) = rest.split_at(rest.find("\n\n")? + 2);
        stanzas.push((stanza.strip_prefix("Package: ")?.lines().next()?, stanza));
        rest = after;
    }
    Some(stanzas)
}

/// What becomes of a place in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::index) enum Step<'a> {
    /// This stanza of this name stays.
    Keep(&'a str, &'a str),
    /// What there is of this name now comes here.
    Renew(&'a str),
}

/// Brings stanzas and the names that changed, both in order, into one order: every changed name once, in place of what was there of it.
pub(in crate::index) fn splice<'a>(stanzas: &[(&'a str, &'a str)], changed: &'a [String]) -> Vec<Step<'a>> {
    let mut steps = Vec::with_capacity(stanzas.len() + changed.len());
    let mut changed = changed.iter().map(String::as_str).peekable();
    let mut last_renewed = None;
    for (name, stanza) in stanzas {
        while let Some(next) = changed.next_if(|next| next <= name) {
            steps.push(Step::Renew(next));
            last_renewed = Some(next);
        }
        if last_renewed != Some(*name) {
            steps.push(Step::Keep(name, stanza));
        }
    }
    steps.extend(changed.map(Step::Renew));
    steps
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn spliced(text: &str, changed: &[String], new: &BTreeMap<String, String>) -> String {
        splice(&stanzas(text).unwrap(), changed)
            .into_iter()
            .map(|step| match step {
                Step::Keep(_, stanza) => stanza,
                Step::Renew(name) => new.get(name).map_or("", String::as_str),
            })
            .collect()
    }

    #[test]
    fn what_is_no_list_of_stanzas_is_refused() {
        for text in ["Package: a\nVersion: 1\n", "Version: 1\n\n", "Package: a\n\n\nPackage: b\n\n"] {
            assert_eq!(stanzas(text), None, "{text:?}");
        }
        assert_eq!(stanzas(""), Some(Vec::new()));
    }

    proptest! {
        #[test]
        fn splicing_is_the_same_as_writing_the_changed_map(
            before in proptest::collection::btree_map("[a-d]{1,2}", (0u8..9, 1usize..3), 0..12),
            changes in proptest::collection::btree_map("[a-d]{1,2}", proptest::option::of((0u8..9, 1usize..3)), 0..12),
        ) {
            let text = |name: &str, (version, times): &(u8, usize)| {
                format!("Package: {name}\nVersion: {version}\n\n").repeat(*times)
            };
            let old: String = before.iter().map(|(name, one)| text(name, one)).collect();
            let mut after = before.clone();
            for (name, change) in &changes {
                match change {
                    Some(one) => drop(after.insert(name.clone(), *one)),
                    None => drop(after.remove(name)),
                }
            }
            let new: BTreeMap<String, String> = after.iter().map(|(name, one)| (name.clone(), text(name, one))).collect();
            let changed: Vec<String> = changes.into_keys().collect();
            prop_assert_eq!(spliced(&old, &changed, &new), new.values().cloned().collect::<String>());
        }
    }
}
