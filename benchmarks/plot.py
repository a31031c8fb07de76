# Copyright (c) 2026 clusternet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Curves of seconds against size as an SVG picture, with nothing but text."""

from __future__ import annotations

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 860, 520, 80, 200, 50, 60
COLOURS = ("#0b6e99", "#d9730d", "#0f7b6c", "#ad1a72")


def steps(top):
    """Five or so round marks from nothing to `top`."""
    unit = 10.0 ** (len(str(int(top * 1e6))) - 7)
    step = next(unit * factor for factor in (0.1, 0.2, 0.5, 1, 2, 5, 10) if top / (unit * factor) <= 6)
    return [step * position for position in range(int(top / step) + 1)]


def svg(title, curves, across):
    """`curves` are {name: [(size, seconds)]}; `across` says what the sizes are."""
    right = max(size for points in curves.values() for size, dummy in points)
    top = max(seconds for points in curves.values() for dummy, seconds in points)

    def place(size, seconds):
        return (LEFT + (WIDTH - LEFT - RIGHT) * size / right, HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * seconds / top)

    def text(x, y, words, anchor="middle", size=13):
        return '<text x="%.1f" y="%.1f" text-anchor="%s" font-size="%d">%s</text>' % (x, y, anchor, size, words)

    def line(start, end, colour="#ccc"):
        return '<line x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f" stroke="%s"/>' % (start + end + (colour,))

    drawn = [text(WIDTH / 2, 25, title, size=16), text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 15, across), text(LEFT, TOP - 10, "seconds")]
    for mark in steps(top):
        drawn += [line(place(0, mark), place(right, mark)), text(LEFT - 8, place(0, mark)[1] + 4, "%g" % round(mark, 6), "end")]
    for mark in steps(right):
        drawn += [line(place(mark, 0), place(mark, top)), text(place(mark, 0)[0], HEIGHT - BOTTOM + 20, "{:,}".format(int(mark)))]
    for colour, (name, points) in zip(COLOURS, curves.items()):
        places = [place(*point) for point in points]
        drawn.append('<polyline fill="none" stroke="%s" stroke-width="2" points="%s"/>' % (colour, " ".join("%.1f,%.1f" % at for at in places)))
        drawn += ['<circle cx="%.1f" cy="%.1f" r="3" fill="%s"/>' % (at + (colour,)) for at in places]
        drawn.append('<g fill="%s">%s</g>' % (colour, text(places[-1][0] + 8, places[-1][1] + 4, name, "start")))
    return ('<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" font-family="sans-serif">\n'
            '<rect width="100%%" height="100%%" fill="#fff"/>\n%s\n</svg>\n' % (WIDTH, HEIGHT, "\n".join(drawn)))
