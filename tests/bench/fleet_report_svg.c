/* See fleet_report.h: the chart. Colours follow the reader's light or dark scheme. */
#include "fleet_report.h"

enum {
    WIDTH = 960,
    HEIGHT = 440,
    LEFT = 60, /* the plot: from here… */
    RIGHT = 940,
    TOP = 70,
    BOTTOM = 320,
    SETBACK_TOP = 345, /* below it, the setbacks */
    SETBACK_BOTTOM = 395,
    LEGEND_Y = 48,
    TICKS = 5,
    MARK_ROWS = 3, /* marks' texts take turns, so that neighbours do not cover each other */
};

static const char style[] =
    "<style>"
    "text{font:12px sans-serif;fill:#24292f}.title{font-size:15px;font-weight:bold}"
    ".axis{stroke:#8c959f;stroke-width:1}.grid{stroke:#d0d7de;stroke-width:1}.mark{stroke:#6e7781;stroke-"
    "width:1;"
    "stroke-dasharray:4 3}"
    ".android{fill:#2da44e}.windows{fill:#0969da}.ios{fill:#bf8700}.ipados{fill:#8250df}.macos{fill:#6e7781}"
    ".setback{fill:#cf222e}"
    "@media(prefers-color-scheme:dark){text{fill:#e6edf3}.grid{stroke:#30363d}.axis,.mark{stroke:#8b949e}"
    ".android{fill:#3fb950}.windows{fill:#58a6ff}.ios{fill:#d29922}.ipados{fill:#bc8cff}.macos{fill:#8b949e}"
    ".setback{fill:#ff7b72}}"
    "</style>\n";

/* As XML wants text; control characters have become spaces where it was read. */
static void append_text(iscep_buf *out, const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text == '&')
            iscep_buf_append_text(out, "&amp;");
        else if (*text == '<')
            iscep_buf_append_text(out, "&lt;");
        else if (*text == '>')
            iscep_buf_append_text(out, "&gt;");
        else
            iscep_buf_append(out, text, 1);
    }
}

/* The next of 1, 2, 5, 10, 20… that is not less. */
static double round_up(double value)
{
    static const double steps[] = {1, 2, 5};
    for (double power = 1;; power *= 10)
        for (size_t i = 0; i < sizeof steps / sizeof *steps; i++)
            if (steps[i] * power >= value)
                return steps[i] * power;
}

static double per_second(const fleet_series *series, uint32_t count)
{
    return (double)count * 1000 / (double)series->slice_ms;
}

static double x_of(const fleet_series *series, double slice)
{
    return LEFT + (RIGHT - LEFT) * slice / (double)series->count;
}

static double peak_of(const fleet_series *series)
{
    double peak = 1;
    for (size_t at = 0; at < series->count; at++) {
        uint32_t sum = 0;
        for (size_t i = 0; i < FLEET_PLATFORMS; i++)
            sum += series->issued[at][i];
        if (per_second(series, sum) > peak)
            peak = per_second(series, sum);
    }
    return round_up(peak);
}

static void draw_axes(iscep_buf *out, const fleet_series *series, double peak)
{
    for (int i = 0; i <= TICKS; i++) {
        double y = BOTTOM - (BOTTOM - TOP) * (double)i / TICKS;
        iscep_buf_printf(out,
                         "<line class=\"%s\" x1=\"%d\" y1=\"%.1f\" x2=\"%d\" y2=\"%.1f\"/>"
                         "<text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%g</text>\n",
                         i == 0 ? "axis" : "grid", LEFT, y, RIGHT, y, LEFT - 6, y + 4, peak * i / TICKS);
    }
    double seconds = (double)series->count * (double)series->slice_ms / 1000;
    for (int i = 0; i <= TICKS; i++)
        iscep_buf_printf(out, "<text x=\"%.1f\" y=\"%d\" text-anchor=\"%s\">%.4g s</text>\n",
                         LEFT + (RIGHT - LEFT) * (double)i / TICKS, HEIGHT - 20, i < TICKS ? "middle" : "end",
                         seconds * i / TICKS);
}

static void draw_bar(iscep_buf *out, const char *kind, double x1, double x2, double bottom, double height)
{
    iscep_buf_printf(out, "<rect class=\"%s\" x=\"%.2f\" y=\"%.2f\" width=\"%.2f\" height=\"%.2f\"/>\n", kind,
                     x1, bottom - height, x2 - x1, height);
}

static void draw_certificates(iscep_buf *out, const fleet_series *series, double peak)
{
    for (size_t at = 0; at < series->count; at++) {
        double bottom = BOTTOM, x1 = x_of(series, (double)at), x2 = x_of(series, (double)at + 0.9);
        for (size_t i = 0; i < FLEET_PLATFORMS; i++) {
            double height = (BOTTOM - TOP) * per_second(series, series->issued[at][i]) / peak;
            if (height > 0)
                draw_bar(out, fleet_rules_of((fleet_platform)i)->name, x1, x2, bottom, height);
            bottom -= height;
        }
    }
}

static void draw_setbacks(iscep_buf *out, const fleet_series *series)
{
    uint32_t most = 0;
    for (size_t at = 0; at < series->count; at++)
        most = series->setbacks[at] > most ? series->setbacks[at] : most;
    if (most == 0)
        return;
    for (size_t at = 0; at < series->count; at++)
        if (series->setbacks[at] > 0)
            draw_bar(out, "setback", x_of(series, (double)at), x_of(series, (double)at + 0.9), SETBACK_BOTTOM,
                     (double)(SETBACK_BOTTOM - SETBACK_TOP) * series->setbacks[at] / most);
    iscep_buf_printf(out,
                     "<text x=\"%d\" y=\"%d\" text-anchor=\"end\">%.4g/s</text>"
                     "<text x=\"%d\" y=\"%d\" text-anchor=\"end\">setbacks</text>\n",
                     LEFT - 6, SETBACK_TOP + 8, per_second(series, most), LEFT - 6, SETBACK_BOTTOM);
}

static void draw_marks(iscep_buf *out, const fleet_report *report)
{
    const fleet_series *series = &report->series;
    for (size_t i = 0; i < report->marks.count; i++) {
        const fleet_mark *mark = &report->marks.marks[i];
        double slice = (double)(mark->at_unix_ms - report->events.begun_unix_ms) / (double)series->slice_ms;
        if (slice < 0 || slice > (double)series->count)
            continue;
        double x = x_of(series, slice);
        bool is_far = x > (LEFT + RIGHT) / 2.0;
        iscep_buf_printf(out,
                         "<line class=\"mark\" x1=\"%.1f\" y1=\"%d\" x2=\"%.1f\" y2=\"%d\"/>"
                         "<text x=\"%.1f\" y=\"%d\" text-anchor=\"%s\">",
                         x, TOP, x, SETBACK_BOTTOM, is_far ? x - 4 : x + 4,
                         TOP + 12 + 14 * (int)(i % MARK_ROWS), is_far ? "end" : "start");
        append_text(out, mark->text);
        iscep_buf_append_text(out, "</text>\n");
    }
}

static void draw_legend(iscep_buf *out, const fleet_report *report)
{
    int x = LEFT;
    for (size_t i = 0; i < FLEET_PLATFORMS; i++) {
        const char *name = fleet_rules_of((fleet_platform)i)->name;
        if (report->summary.platforms[i].wanted == 0)
            continue;
        iscep_buf_printf(out,
                         "<rect class=\"%s\" x=\"%d\" y=\"%d\" width=\"12\" height=\"12\"/>"
                         "<text x=\"%d\" y=\"%d\">%s: %zu of %zu</text>\n",
                         name, x, LEGEND_Y - 10, x + 17, LEGEND_Y, name, report->summary.platforms[i].issued,
                         report->summary.platforms[i].wanted);
        x += 175;
    }
}

iscep_status fleet_report_emit_svg(iscep_buf *out, const fleet_report *report, iscep_error *err)
{
    const fleet_summary *summary = &report->summary;
    double peak = peak_of(&report->series);
    iscep_buf_printf(out,
                     "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" role=\"img\" "
                     "aria-label=\"Certificates per second over time\">\n",
                     WIDTH, HEIGHT);
    iscep_buf_append_text(out, style);
    iscep_buf_printf(out,
                     "<text class=\"title\" x=\"%d\" y=\"24\">Certificates per second: %zu of %zu in %.1f s, "
                     "%zu setbacks, p50 %lld ms, p99 %lld ms</text>\n",
                     LEFT, summary->all.issued, summary->all.wanted, summary->seconds, summary->all.setbacks,
                     (long long)summary->all.p50_ms, (long long)summary->all.p99_ms);
    draw_axes(out, &report->series, peak);
    draw_legend(out, report);
    draw_certificates(out, &report->series, peak);
    draw_setbacks(out, &report->series);
    draw_marks(out, report);
    iscep_buf_append_text(out, "</svg>\n");
    return iscep_buf_status(out, err);
}
