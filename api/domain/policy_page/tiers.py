"""What the page says about tiers: who gets them, keeps them and loses them, and what they bring."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from types import MappingProxyType

from api.domain.conditions import Condition
from api.domain.policies import Branch, PolicyDocument, Rung, Stability, Tier
from api.domain.policies.quantiles import Quantiles
from api.domain.policy_page.blocks import Block, Entry, Outline, Section, Table
from api.domain.policy_page.words import PHRASES, Words, exact_percent
from api.domain.rules import EVERYONE, Not, Rule
from api.domain.scores import Criterion, Score, Steps, Values
from api.domain.strategies.documents import Strategy

TEXTS = MappingProxyType(
    {
        "tier": ("{rank}. {name}", "{rank}. {name}"),
        "who": ("Who gets it", "评定条件"),
        "who_of": ("Who gets it, among: {branch}", "评定条件（适用于：{branch}）"),
        "otherwise": ("Everybody who gets no better tier", "未达到更高等级的所有客户"),
        "enter": ("To move up to it", "晋级条件"),
        "keep": ("To keep it, once reached", "保级条件"),
        "top_customers": (
            "The first {share} of customers by {measure}",
            "按{measure}排名前 {share} 的客户",
        ),
        "top_measure": (
            "The customers who together bring the first {share} of {measure}, largest first",
            "按{measure}由高到低合计贡献前 {share} 的客户",
        ),
        "among": ("Counted among", "统计范围"),
        "remarks": ("Noted with it", "附注"),
        "kept_despite_risk": (
            "The tier is kept although the customer may leave: {rule}",
            "尽管存在流失风险仍保留该等级：{rule}",
        ),
        "grace": (
            "This tier is lost only after {months} months below its conditions.",
            "低于条件满 {months} 个月后才降级。",
        ),
        "service": ("Service plan", "服务方案"),
        "none": (
            "Customers below the lowest tier have none.",
            "低于最低等级的客户不设等级。",
        ),
        "for": ("For: {branch}", "适用于：{branch}"),
        "changes": ("How a tier changes", "等级如何变动"),
        "evaluate_daily": (
            "Tiers are decided at every refresh.",
            "每次刷新时评定等级。",
        ),
        "evaluate_monthly": (
            "Tiers are decided once a calendar month.",
            "每个自然月评定一次等级。",
        ),
        "evaluate_anniversary": (
            "Each customer's tier is decided once a year, on the day they came to it.",
            "每位客户的等级每年评定一次，以其进入该等级之日为准。",
        ),
        "at_once": (
            "Whoever reaches a better tier gets it at once.",
            "达到更高等级者立即晋级。",
        ),
        "enter_margin": (
            "To move up, thresholds must be exceeded by {share}.",
            "晋级须超过门槛 {share}。",
        ),
        "exit_margin": (
            "A tier is kept while thresholds are missed by no more than {share}.",
            "低于门槛不超过 {share} 时保留原等级。",
        ),
        "settle": (
            "What has lasted {months} months counts even within these margins.",
            "持续 {months} 个月的变化即使在上述幅度内也予以采纳。",
        ),
        "stay": (
            "A tier is not lost within the first {days} days.",
            "进入等级后 {days} 天内不降级。",
        ),
        "watch": (
            "Whoever falls below is watched, and keeps the tier for {months} months.",
            "低于条件的客户进入观察期，{months} 个月内保留等级。",
        ),
        "one_level": ("A tier is lost one level at a time.", "每次只降一级。"),
        "to_measure": (
            "Whoever loses a tier gets the one that the measures give.",
            "降级时直接降至指标对应的等级。",
        ),
        "fallback": ("Without a usable prediction", "没有可用预测时"),
        "fallback_why": (
            "Where a prediction is missing or out of date, this decides instead:",
            "预测缺失或已过期时，按以下规则评定：",
        ),
        "score": ("{name} (0 to 100 points)", "{name}（0 至 100 分）"),
        "criterion": ("Criterion", "指标"),
        "weight": ("Weight", "权重"),
        "points": ("Points", "计分方式"),
        "scale": (
            "0 points at {worst}, 100 at {best}, in a line between",
            "{worst} 为 0 分，{best} 为 100 分，按比例计分",
        ),
        "step": ("{points} from {value} on", "不低于 {value} 得 {points} 分"),
        "choice": ("{points} for {value}", "{value}得 {points} 分"),
        "ignored": ("left out where unknown", "未知时不计入"),
        "instead": ("{points} points where unknown", "未知时得 {points} 分"),
    }
)


class TierSections:
    def __init__(self, policy: PolicyDocument, strategies: Sequence[Strategy], words: Words):
        self.policy = policy
        self.strategies = strategies
        self.words = words

    def say(self, key: str, **values: object) -> str:
        return self.words.say(TEXTS[key], **values)

    def tier(self, tier: Tier) -> Section:
        words = self.words
        blocks: list[Block] = [words.name(tier.description)]
        for branch in self.policy.branches:
            entries = tuple(self._conditions(branch, tier))
            if entries:
                blocks.append(Outline(entries))
        if tier.grace_months is not None:
            blocks.append(self.say("grace", months=tier.grace_months))
        if tier.remarks:
            remarks = [
                Entry(self.say(each.key, rule=words.line(each.rule))) for each in tier.remarks
            ]
            blocks.append(Outline((Entry(self.say("remarks"), tuple(remarks)),)))
        plan = [each for each in self.strategies if names_tier(each.rule, tier)]
        if plan:
            entries = tuple(Entry(words.name(each.name)) for each in plan)
            blocks.append(Outline((Entry(self.say("service"), entries),)))
        title = self.say("tier", rank=tier.rank, name=words.name(tier.name))
        return Section(title, tuple(blocks))

    def _conditions(self, branch: Branch, tier: Tier) -> Iterator[Entry]:
        if branch.quantiles is not None:
            entry = self._share(branch.quantiles, tier)
            if entry is not None:
                yield Entry(self._who(branch), (entry,))
            return
        for rung in branch.rungs:
            if rung.tier.key == tier.key:
                yield from self._rung(rung, branch)

    def _rung(self, rung: Rung, branch: Branch) -> Iterator[Entry]:
        if rung.otherwise:
            yield Entry(self._who(branch), (Entry(self.say("otherwise")),))
            return
        yield Entry(self._who(branch), (self.words.outline(rung.rule),))
        if rung.enter != rung.rule:
            yield Entry(self.say("enter"), (self.words.outline(rung.enter),))
        if rung.keep != rung.rule:
            yield Entry(self.say("keep"), (self.words.outline(rung.keep),))

    def _who(self, branch: Branch) -> str:
        if not self.policy.chooses:
            return self.say("who")
        return self.say("who_of", branch=self._whom(branch))

    def _whom(self, branch: Branch) -> str:
        """Branches are tried in order, so the last one is for whoever is left."""
        if branch.rule == EVERYONE and branch is not self.policy.branches[0]:
            return self.words.say(PHRASES["others"])
        return self.words.line(branch.rule)

    def _share(self, quantiles: Quantiles, tier: Tier) -> Entry | None:
        words = self.words
        for each, share in quantiles.tiers:
            if each.key == tier.key:
                key = "top_customers" if quantiles.share_of == "customers" else "top_measure"
                shown = exact_percent(float(share))
                among = Entry(self.say("among"), (words.outline(quantiles.among),))
                text = self.say(key, share=shown, measure=words.label(quantiles.measure))
                return Entry(text, (among,))
        last = quantiles.last
        found = last is not None and last.key == tier.key
        return Entry(self.say("otherwise")) if found else None

    def changes(self) -> Section:
        parts = []
        for branch in self.policy.branches:
            entries = tuple(Entry(text) for text in self._stability(branch.stability))
            title = self.say("for", branch=self._whom(branch))
            below = (Entry(title, entries),) if self.policy.chooses else entries
            parts.append(Outline(below))
        return Section(self.say("changes"), tuple(parts))

    def _stability(self, stability: Stability) -> Iterator[str]:
        yield self.say(f"evaluate_{stability.evaluate}")
        if stability.upgrades == "at_once":
            yield self.say("at_once")
        for name in ("enter_margin", "exit_margin"):
            if getattr(stability, name):
                yield self.say(name, share=exact_percent(getattr(stability, name)))
        if stability.settle_months is not None:
            yield self.say("settle", months=stability.settle_months)
        if stability.minimum_stay_days:
            yield self.say("stay", days=stability.minimum_stay_days)
        if stability.grace_months:
            yield self.say("watch", months=stability.grace_months)
        yield self.say(stability.downgrade)

    def fallback(self) -> Section | None:
        blocks: list[Block] = []
        for branch in self.policy.branches:
            if not branch.fallback:
                continue
            entries = []
            for rung in branch.fallback:
                rule = Entry(self.say("otherwise"))
                below = rule if rung.otherwise else self.words.outline(rung.rule)
                entries.append(Entry(self.words.name(rung.tier.name), (below,)))
            why = self.say("fallback_why")
            if self.policy.chooses:
                why = f"{self.say('for', branch=self._whom(branch))} · {why}"
            blocks += [why, Outline(tuple(entries))]
        return Section(self.say("fallback"), tuple(blocks)) if blocks else None

    def scores(self) -> list[Section]:
        found = {score.key: score for branch in self.policy.branches for score in branch.scores}
        return [self._score(score) for score in found.values()]

    def _score(self, score: Score) -> Section:
        words = self.words
        rows = []
        for each in score.criteria:
            points = self._points(each)
            unknown = "ignored" if each.missing == "ignore" else "instead"
            points += f" ({self.say(unknown, points=_short(each.missing))})"
            rows.append((words.name(each.name), exact_percent(each.weight), points))
        head = (self.say("criterion"), self.say("weight"), self.say("points"))
        return Section(self.say("score", name=words.name(score.name)), (Table(head, tuple(rows)),))

    def _points(self, criterion: Criterion) -> str:
        points, words = criterion.points, self.words

        def shown(value: object) -> str:
            return words.value(criterion.field, value)

        if isinstance(points, Steps):
            steps = zip(points.thresholds, points.worth, strict=True)
            listed = [self.say("step", points=f"{n:g}", value=shown(v)) for v, n in steps]
        elif isinstance(points, Values):
            listed = [
                self.say("choice", points=f"{n:g}", value=shown(v)) for v, n in points.worth.items()
            ]
        else:
            listed = [self.say("scale", worst=shown(points.worst), best=shown(points.best))]
        measured = words.label(criterion.field)
        return f"{measured}{'：' if words.chinese else ': '}{words.joined(listed)}"


def _short(points: object) -> str:
    return f"{points:g}" if isinstance(points, int | float) else str(points)


def names_tier(rule: Rule, tier: Tier) -> bool:
    """Whether the rule asks for this very tier."""
    if isinstance(rule, Condition):
        return rule.field.name == "tier" and rule.op in ("eq", "in") and tier.key in rule.values
    if isinstance(rule, Not):
        return False
    return any(names_tier(part, tier) for part in rule.parts)
