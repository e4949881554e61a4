"""Logits to finished peaks on one core, beside reading the logits once.

The image is measured, too. More events than the caches hold take turns. read: a
vectorised OR over the same bytes; two streams: the same, both classes in step with
prefetch, the fastest reading that we know. Limits are ratios to read."""
import common


def ratio_row(bench, what, k, limit):
    bench.row(what, k["peaks"], "ms", note="read %.3f, two streams %.3f, bits "
              "plain %.3f, AVX2 %.3f" % (k["read"], k["ahead"], k["plain"],
                                         k.get("avx2", float("nan"))))
    bench.row("  as a multiple of reading once", k["peaks"] / k["read"], "x",
              at_most=limit)


def judge(bench, what, capture, k, peaks):
    bench.assert_("%s: every peak is found" % what,
                  k["found"] == peaks * capture.events,
                  k["found"], peaks * capture.events)
    bench.assert_("%s: all instruction sets give the same bits" % what, k["same"])


def run(bench):
    events = 2 if bench.check else 12
    shapes = [("1 x 1696 x 1696", common.WHOLE), ("16 x 512 x 512", common.SQUARES)]
    if bench.check:
        shapes = [("1 x 96 x 128", (1, 96, 128, 96, 128)),
                  ("3 x 64 x 80", (3, 64, 80, 60, 70))]
    for text, shape in shapes:
        time = {}
        counts = (0, 5, 20) if bench.check else (0, 50, 150, 300)
        for type_ in "f32", "f16", "bf16":
            for peaks in counts:
                c = bench.capture(events if shape[0] == 1 else (events + 1) // 2,
                                  peaks, type_=type_, shape=shape, memory=True)
                k = bench.kernel(c)
                what = "%s, %s, %d peaks" % (text, type_, peaks)
                judge(bench, what, c, k, peaks)
                time[type_, peaks] = k["peaks"]
                if type_ == "f32":
                    ratio_row(bench, what, k, 1.15 if peaks <= 50 else 1.25)
                else:
                    bench.row(what, k["peaks"], "ms",
                              note="read %.3f" % k["read"])
                    bench.row("  times as fast as f32",
                              time["f32", peaks] / k["peaks"], "x", at_least=1.6)
                bench.forget()
    for pattern, name in ("checker", "checkerboard"), ("noise", "60 % noise"):
        c = bench.capture(2, pattern, shape=shapes[0][1], memory=True)
        k = bench.kernel(c)
        bench.assert_("%s: all instruction sets give the same bits" % name,
                      k["same"])
        bench.row("%s, f32, %s" % (shapes[0][0], name), k["peaks"], "ms")
        bench.row("  as a multiple of 150 peaks",
                  k["peaks"] / time["f32", counts[2]], "x", at_most=35)
        bench.forget()
