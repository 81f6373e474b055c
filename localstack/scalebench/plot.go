package main

import (
	"fmt"
	"math"
	"strings"
)

// A plot has the sizes on a logarithmic axis, and above them what each operation costs in
// relation to the smallest size, from 0 to at least 2: a line that stays at 1 is what is
// hoped for.
const (
	plotWidth, plotHeight = 720, 300
	plotLeft, plotTop     = 50, 40
	plotAcross, plotDown  = 420, 210
)

var colours = []string{"#1f77b4", "#d62728", "#2ca02c", "#9467bd", "#ff7f0e", "#17becf", "#8c564b", "#e377c2", "#7f7f7f", "#bcbd22"}

// draw writes the plots of a series: what is counted, and processor time.
func (s *series) draw(dir string) error {
	name := strings.NewReplacer(", ", "-", " ", "-").Replace(s.store + "-" + s.what)
	if s.counted {
		both := func(c *cost) float64 { return c.requests() + c.units() }
		if err := save(dir, "scale-"+name+"-counts", s.plot("requests and units", both)); err != nil {
			return err
		}
	}
	return save(dir, "scale-"+name+"-cpu", s.plot("CPU", inCPU))
}

func (s *series) plot(of string, figure func(*cost) float64) []byte {
	most := 2.0
	for _, op := range s.operations {
		for _, size := range s.sizes {
			most = max(most, math.Ceil(s.ratio(op.name, size, figure)))
		}
	}
	largest := math.Log10(float64(s.sizes[len(s.sizes)-1]))
	x := func(size int) float64 {
		return plotLeft + plotAcross*math.Log10(float64(size))/max(1, largest)
	}
	y := func(ratio float64) float64 { return plotTop + plotDown*(1-ratio/most) }
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" font-family="sans-serif" font-size="12">`+"\n", plotWidth, plotHeight)
	fmt.Fprintf(&b, `<rect width="100%%" height="100%%" fill="white"/>`+"\n")
	fmt.Fprintf(&b, `<text x="%d" y="20" font-size="14">%s: %s of an operation, by %s (1 = at the smallest)</text>`+"\n", plotLeft, s.store, of, s.what)
	for i := range int(most) + 1 {
		fmt.Fprintf(&b, `<line x1="%d" y1="%.1f" x2="%d" y2="%.1f" stroke="#ddd"/><text x="%d" y="%.1f" text-anchor="end">%d</text>`+"\n",
			plotLeft, y(float64(i)), plotLeft+plotAcross, y(float64(i)), plotLeft-6, y(float64(i))+4, i)
	}
	for _, size := range s.sizes {
		fmt.Fprintf(&b, `<text x="%.1f" y="%d" text-anchor="middle">%d</text>`+"\n", x(size), plotTop+plotDown+18, size)
	}
	for i, op := range s.operations {
		var points []string
		for _, size := range s.sizes {
			points = append(points, fmt.Sprintf("%.1f,%.1f", x(size), y(s.ratio(op.name, size, figure))))
		}
		colour, at := colours[i%len(colours)], plotTop+16*i
		fmt.Fprintf(&b, `<polyline points="%s" fill="none" stroke="%s" stroke-width="2"/>`+"\n", strings.Join(points, " "), colour)
		fmt.Fprintf(&b, `<line x1="%d" y1="%d" x2="%d" y2="%d" stroke="%s" stroke-width="2"/><text x="%d" y="%d">%s</text>`+"\n",
			plotLeft+plotAcross+15, at, plotLeft+plotAcross+35, at, colour, plotLeft+plotAcross+40, at+4, op.name)
	}
	b.WriteString("</svg>\n")
	return []byte(b.String())
}
