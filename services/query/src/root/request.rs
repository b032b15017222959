//! A search request, checked against the bounds and made whole.

use super::merge::Bounds;
use crate::config::RequestLimits;
use ax_model::{Code, Fault, Generation, ShardId, VersionToken};
use ax_proto::search::{LeafRequest, SearchOptions, SearchRequest};
use ax_query::{Atom, Count, Place, Query, Shape, Sort};
use std::time::{Duration, Instant, SystemTime};

/// Longest correlation id that is taken over.
const MAX_REQUEST_ID_BYTES: usize = 128;

/// A request that can be run as it stands.
#[derive(Debug, Clone)]
pub(super) struct Resolved {
    pub(super) query: String,
    /// Every field set; `timeout_ms` is the whole of it.
    pub(super) options: SearchOptions,
    /// The order of the files.
    pub(super) sort: Sort,
    /// Definitions count for what is found.
    pub(super) asks_names: bool,
    /// Positions to wait for.
    pub(super) wait_for: VersionToken,
    pub(super) request_id: String,
    /// In days since 1970: the same for every shard, or their scores would say different things.
    pub(super) today: u32,
    pub(super) started: Instant,
    pub(super) deadline: Instant,
}

/// The cluster as far as a request has to fit it.
#[derive(Debug, Clone, Copy)]
pub(super) struct World {
    pub(super) generation: Generation,
    pub(super) shards: u32,
    pub(super) limits: RequestLimits,
}

impl Resolved {
    /// Checks everything that needs no shard; `query` is what the request's text was read as.
    pub(super) fn of(
        request: SearchRequest,
        query: &Query,
        world: &World,
        now: Instant,
    ) -> Result<Self, Fault> {
        let wanted = shaped(request.options.unwrap_or_default(), &query.shape, &world.limits)?;
        let options = resolve_options(wanted, &world.limits)?;
        let deadline = now + Duration::from_millis(options.timeout_ms.into());
        Ok(Self {
            query: request.query,
            options,
            sort: query.shape.sort,
            asks_names: query.atoms().iter().any(|(atom, _)| matches!(atom, Atom::Sym { .. })),
            wait_for: resolve_token(&request.wait_for, world)?,
            request_id: request_id(request.request_id),
            today: today(),
            started: now,
            deadline,
        })
    }

    /// What the leaf of `shard` is asked. It gets a little less time than is left, so that what it
    /// found by then still travels.
    pub(super) fn for_shard(&self, shard: ShardId) -> LeafRequest {
        let left = self.deadline.saturating_duration_since(Instant::now());
        let travel = (left / 10).min(Duration::from_millis(50));
        let timeout_ms = u32::try_from((left - travel).as_millis()).unwrap_or(u32::MAX).max(1);
        LeafRequest {
            query: self.query.clone(),
            options: Some(SearchOptions { timeout_ms, ..self.options }),
            shard: shard.0,
            min_position: self.wait_for.positions.get(&shard).map_or(0, |offset| offset.0),
            request_id: self.request_id.clone(),
            today: self.today,
        }
    }

    /// Whether files of one shard may be sent before those of another are known.
    pub(super) fn is_unordered(&self) -> bool {
        self.options.all && self.sort == Sort::Relevance && self.options.max_lines == 0
    }

    /// How much of what the shards found is returned.
    pub(super) fn bounds(&self, max_bytes: usize) -> Bounds {
        let lines = match self.options.max_lines {
            0 => usize::MAX,
            lines => lines as usize,
        };
        Bounds { files: self.limit(), lines, bytes: max_bytes }
    }

    /// Most files, or groups, to return.
    pub(super) fn limit(&self) -> usize {
        if self.options.all { usize::MAX } else { self.options.limit as usize }
    }
}

/// The day by this node's clock, in days since 1970.
fn today() -> u32 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u32::try_from(since.as_secs() / (24 * 60 * 60)).unwrap_or(u32::MAX)
}

/// When to give up reading the query's text, which may ask for less time than this.
pub(super) fn time_to_read(
    request: &SearchRequest,
    limits: &RequestLimits,
    now: Instant,
) -> Instant {
    let wanted = request.options.as_ref().map_or(0, |options| options.timeout_ms);
    let timeout = match wanted {
        0 => limits.default_timeout,
        ms => Duration::from_millis(ms.into()).min(limits.max_timeout),
    };
    now + timeout
}

/// The options with what the query itself says in their place: it is what a person typed, while options
/// are often a tool's or a page's.
fn shaped(
    mut options: SearchOptions,
    shape: &Shape,
    limits: &RequestLimits,
) -> Result<SearchOptions, Fault> {
    match shape.count.map(|count| (count.value, count.place)) {
        None => {}
        Some((Count::All, _)) => options.all = true,
        Some((Count::Most(number), place)) => {
            check("count:", number, limits.max_limit, place, "count:all returns every file")?;
            (options.limit, options.all) = (number, false);
        }
    }
    if let Some(lines) = shape.context {
        check("context:", lines.value, limits.max_context, lines.place, "ask for less")?;
        options.context_lines = lines.value;
    }
    if let Some(time) = shape.timeout {
        let (ms, most) = (to_ms(time.value), to_ms(limits.max_timeout));
        check("timeout: in milliseconds", ms, most, time.place, "ask for less")?;
        options.timeout_ms = ms;
    }
    Ok(options)
}

fn check(name: &str, wanted: u32, most: u32, place: Place, hint: &str) -> Result<(), Fault> {
    if wanted <= most {
        return Ok(());
    }
    let fault = Fault::new(Code::QueryBadValue, format!("{name} is {wanted}; the most is {most}"));
    Err(fault.in_field("q").at(place.start, place.end).hint(hint))
}

fn resolve_options(wanted: SearchOptions, limits: &RequestLimits) -> Result<SearchOptions, Fault> {
    let default_ms = to_ms(limits.default_timeout);
    Ok(SearchOptions {
        limit: within("limit", wanted.limit, limits.default_limit, limits.max_limit)?,
        context_lines: within("context", wanted.context_lines, 0, limits.max_context)?,
        timeout_ms: within("timeout", wanted.timeout_ms, default_ms, to_ms(limits.max_timeout))?,
        max_lines_per_file: within(
            "lines",
            wanted.max_lines_per_file,
            limits.default_lines_per_file,
            limits.max_lines_per_file,
        )?,
        // A count is exact unless a limit was asked for: it holds no files, so nothing else bounds it.
        all: wanted.all || (wanted.count_only && wanted.limit == 0),
        count_only: wanted.count_only,
        max_lines: wanted.max_lines,
        no_cache: wanted.no_cache || wanted.explain,
        explain: wanted.explain,
    })
}

/// A bound as it is asked for, or the default; refused by the name of its field when it is over the most.
pub(crate) fn within(field: &str, wanted: u32, default: u32, most: u32) -> Result<u32, Fault> {
    if wanted > most {
        let message = format!("`{field}` is {wanted}; the most is {most}");
        let fault = Fault::new(Code::QueryBadValue, message).in_field(field);
        let hint = if field == "limit" { "use `all=true` for every match" } else { "" };
        return Err(fault.hint(hint));
    }
    Ok(or_default(wanted, default))
}

fn or_default(wanted: u32, default: u32) -> u32 {
    if wanted == 0 { default } else { wanted }
}

fn to_ms(time: Duration) -> u32 {
    u32::try_from(time.as_millis()).unwrap_or(u32::MAX)
}

pub(super) fn resolve_token(text: &str, world: &World) -> Result<VersionToken, Fault> {
    if text.is_empty() {
        return Ok(VersionToken::new(world.generation));
    }
    let refused = |message: String| Fault::new(Code::QueryBadValue, message).in_field("wait_for");
    let token: VersionToken =
        text.parse().map_err(|error: ax_model::InvalidToken| refused(error.to_string()))?;
    if token.generation != world.generation {
        let message = format!(
            "the token is of generation {}; this cluster serves {}",
            token.generation, world.generation
        );
        return Err(refused(message));
    }
    if let Some(shard) = token.positions.keys().find(|shard| shard.0 >= world.shards) {
        let message = format!("the token names shard {shard}; there are {}", world.shards);
        return Err(refused(message));
    }
    Ok(token)
}

/// The caller's id when it is fit for logs and headers, else a new one.
pub(crate) fn request_id(given: String) -> String {
    let fit = !given.is_empty()
        && given.len() <= MAX_REQUEST_ID_BYTES
        && given.bytes().all(|byte| byte.is_ascii_graphic());
    if fit { given } else { uuid::Uuid::now_v7().simple().to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn world() -> World {
        World { generation: Generation(1), shards: 4, limits: RequestLimits::default() }
    }

    fn resolve(change: impl FnOnce(&mut SearchRequest)) -> Result<Resolved, Fault> {
        let mut request = SearchRequest { query: "needle".into(), ..Default::default() };
        change(&mut request);
        let query = ax_query::parse(&request.query, &ax_query::Limits::default())?;
        Resolved::of(request, &query, &world(), Instant::now())
    }

    fn refused(code: Code, field: &str, change: impl FnOnce(&mut SearchRequest)) {
        let fault = resolve(change).unwrap_err();
        assert_eq!((fault.code, fault.field.as_str()), (code, field), "{fault}");
    }

    #[test]
    fn zeros_become_defaults() {
        let resolved = resolve(|_| {}).unwrap();
        assert_eq!(resolved.options.limit, 50);
        assert_eq!(resolved.options.timeout_ms, 10_000);
        assert!(!resolved.request_id.is_empty());
        let leaf = resolved.for_shard(ShardId(3));
        assert_eq!((leaf.shard, leaf.min_position), (3, 0));
        assert!(leaf.today > 20_000 && leaf.today == resolved.for_shard(ShardId(0)).today);
        assert!(leaf.options.unwrap().timeout_ms < 10_000);
    }

    #[test]
    fn a_count_has_no_limit_unless_one_is_given() {
        let counting = SearchOptions { count_only: true, ..Default::default() };
        assert!(resolve(|r| r.options = Some(counting)).unwrap().options.all);
        let limited =
            resolve(|r| r.options = Some(SearchOptions { limit: 7, ..counting })).unwrap();
        assert!(!limited.options.all && limited.options.limit == 7);
    }

    #[test]
    fn what_the_query_says_counts_instead_of_the_options() {
        let options = SearchOptions {
            limit: 9,
            all: true,
            context_lines: 8,
            timeout_ms: 7,
            ..Default::default()
        };
        let ask = |query: &str| {
            let resolved = resolve(|r| (r.query, r.options) = (query.into(), Some(options)));
            resolved.map(|resolved| (resolved.limit(), resolved.options, resolved.sort))
        };
        let (limit, of_query, sort) = ask("x count:3 context:0 timeout:2s sort:path").unwrap();
        let rest = (of_query.context_lines, of_query.timeout_ms, sort);
        assert_eq!((limit, rest), (3, (0, 2_000, Sort::Path)));
        let (limit, of_query, _) = ask("x count:all").unwrap();
        assert_eq!((limit, of_query.context_lines, of_query.timeout_ms), (usize::MAX, 8, 7));
        for (query, place) in [
            ("x count:10001", "count:10001"),
            ("context:101 x", "context:101"),
            ("x timeout:301s", "timeout:301s"),
        ] {
            let fault = ask(query).unwrap_err();
            let (start, end) = fault.span.unwrap();
            assert_eq!((&query[start..end], fault.code), (place, Code::QueryBadValue));
        }
        assert_eq!(ask("x sort:size count:all").unwrap().1.limit, 9);
        let resolved = |query: &str| resolve(|r| r.query = query.into()).unwrap();
        assert!(resolved("x count:all").is_unordered());
        assert!(!resolved("x count:all sort:size").is_unordered());
    }

    #[test]
    fn what_is_out_of_bounds_is_refused_by_name() {
        let with = |options: SearchOptions| move |r: &mut SearchRequest| r.options = Some(options);
        let none = SearchOptions::default();
        refused(Code::QueryBadValue, "limit", with(SearchOptions { limit: 10_001, ..none }));
        refused(Code::QueryBadValue, "context", with(SearchOptions { context_lines: 101, ..none }));
        refused(
            Code::QueryBadValue,
            "timeout",
            with(SearchOptions { timeout_ms: u32::MAX, ..none }),
        );
        for token in ["x", "g2.0:1", "g1.4:1"] {
            refused(Code::QueryBadValue, "wait_for", |r| r.wait_for = token.into());
        }
        refused(Code::QueryTooLarge, "q", |r| r.query = "x".repeat(10 << 20));
        refused(Code::QuerySyntax, "q", |r| r.query.clear());
    }

    #[test]
    fn a_token_reaches_its_shard_only() {
        let resolved = resolve(|r| r.wait_for = "g1.2:7".into()).unwrap();
        assert_eq!(resolved.for_shard(ShardId(2)).min_position, 7);
        assert_eq!(resolved.for_shard(ShardId(1)).min_position, 0);
    }

    #[test]
    fn an_id_unfit_for_a_log_line_is_replaced() {
        assert_eq!(request_id("abc-1".into()), "abc-1");
        for bad in ["", "a b", "a\nb", "é", &"x".repeat(129)] {
            assert_ne!(request_id(bad.to_owned()), bad);
        }
    }
}
