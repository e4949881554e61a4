"""Logits to finished peaks on one core, beside reading the logits once.

The image is measured, too. More events than the caches hold take turns. read: a
vectorised OR over the same bytes; two streams: the same, both classes in step, as the
kernel reads. Limits are ratios to read."""
import common


def ratio_row(bench, what, k, limit):
    bench.row(what, k["peaks"], "ms", note="read %.3f, two streams %.3f, bits "
              "plain %.3f, AVX2 %.3f" % (k["read"], k["halves"], k["plain"],
                                         k.get("avx2", float("nan"))))
    bench.row("  as a multiple of reading once", k["peaks"] / k["read"], "x",
              at_most=limit)


def judge(bench, what, capture, k, peaks):
    bench.assert_("%s: every peak is found" % what,
                  k["found"] == peaks * capture.events,
                  k["found"], peaks * capture.events)
    bench.assert_("%s: all instruction sets give the same bits" % what, k["same"])


TYPES = ("f32", "f16", "bf16")


def blobs(bench, text, shape, events, peaks):
    """All element types in turns; the time of f32."""
    captures = [bench.capture(events, peaks, type_=t, shape=shape, memory=True)
                for t in TYPES]
    found = bench.kernel(*captures)
    for type_, c, k in zip(TYPES, captures, found):
        what = "%s, %s, %d peaks" % (text, type_, peaks)
        judge(bench, what, c, k, peaks)
        if type_ == "f32":
            ratio_row(bench, what, k, 1.15 if peaks <= 50 else 1.25)
            continue
        bench.row(what, k["peaks"], "ms", note="read %.3f" % k["read"])
        bench.row("  times as fast as f32", found[0]["peaks"] / k["peaks"], "x",
                  at_least=1.6)
    bench.forget()


def worst(bench, text, shape, peaks):
    """Patterns that nobody sends, beside frames with peaks."""
    patterns = (peaks, "checker", "noise")
    usual, *found = bench.kernel(*(
        bench.capture(2, p, shape=shape, memory=True) for p in patterns))
    for name, k in zip(("checkerboard", "60 % noise"), found):
        bench.assert_("%s: all instruction sets give the same bits" % name,
                      k["same"])
        bench.row("%s, f32, %s" % (text, name), k["peaks"], "ms")
        bench.row("  as a multiple of %d peaks" % peaks,
                  k["peaks"] / usual["peaks"], "x", at_most=35)
    bench.forget()


def run(bench):
    shapes = [("1 x 1696 x 1696", common.WHOLE, 12),
              ("16 x 512 x 512", common.SQUARES, 8)]
    counts = (0, 50, 150, 300)
    if bench.check:
        shapes = [("1 x 96 x 128", (1, 96, 128, 96, 128), 2),
                  ("3 x 64 x 80", (3, 64, 80, 60, 70), 2)]
        counts = (0, 5, 20)
    for text, shape, events in shapes:
        for peaks in counts:
            blobs(bench, text, shape, events, peaks)
    worst(bench, *shapes[0][:2], counts[2])
