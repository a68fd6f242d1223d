package main

import (
	"fmt"
	"strconv"
	"strings"

	"kerasgo/imaging"
	"kerasgo/internal/cli"
)

// imageOptions decides how pixels become the model's sole input.
func (p *predictor) imageOptions(side sidecar) (err error) {
	specs := p.plan.Inputs()
	if len(specs) != 1 {
		return cli.Usagef("the model has %d inputs (%s); images are for models of one", len(specs), inputNames(specs))
	}
	o, s := &p.img, specs[0].Shape
	channels := 0
	switch len(s) {
	case 4: // batch, height, width, channels
		o.Height, o.Width, channels = max(s[1], 0), max(s[2], 0), s[3]
	case 3: // batch, height, width
		o.Height, o.Width, channels = max(s[1], 0), max(s[2], 0), 1
	case 2:
		if p.size == "" {
			return cli.Usagef("the model takes %v; for an image, say its --size HxW", specs[0].Spec)
		}
		channels = 1
	default:
		return cli.Usagef("the model takes %v, which isn't an image", specs[0].Spec)
	}
	if p.size != "" {
		first, second, _ := strings.Cut(p.size, "x")
		h, wrong := strconv.Atoi(first)
		w, err := strconv.Atoi(second)
		if wrong != nil || err != nil || h < 1 || w < 1 {
			return cli.Usagef("--size is HxW, such as 224x224, not %q", p.size)
		}
		if o.Height > 0 && o.Height != h || o.Width > 0 && o.Width != w {
			return cli.Usagef("the model takes images of %dx%d, --size says %s", o.Height, o.Width, p.size)
		}
		o.Height, o.Width = h, w
	}
	if o.Height == 0 || o.Width == 0 {
		o.Height, o.Width = 0, 0
	}
	if err := p.colors(channels, side); err != nil {
		return err
	}
	if p.resize == "" {
		p.resize = side.Resize
		if p.engine == "" {
			p.engine = side.Engine
		}
	}
	if p.engine == "" {
		p.engine = "pil"
	}
	if p.resize != "" {
		if o.Filter, err = imaging.ParseFilter(p.resize); err != nil {
			return &cli.Error{Code: cli.Usage, Err: err}
		}
	}
	if o.Engine, err = imaging.ParseEngine(p.engine); err != nil {
		return &cli.Error{Code: cli.Usage, Err: err}
	}
	if p.aspect != "" {
		if o.Aspect, err = imaging.ParseAspect(p.aspect); err != nil {
			return &cli.Error{Code: cli.Usage, Err: err}
		}
	}
	why := "as asked"
	if p.preprocess == "auto" {
		o.Preprocess, why, err = choosePreprocess(p.model, side)
	} else {
		o.Preprocess, err = imaging.ParsePreprocess(p.preprocess)
	}
	if err == nil {
		err = o.Check()
	}
	if err != nil {
		return &cli.Error{Code: cli.Usage, Err: err}
	}
	if p.preprocess == "auto" || p.verb {
		fmt.Fprintf(p.io.Err, "pixels: preprocess %v (%s), %v, resize %v (%v engine)\n", o.Preprocess, why, o.Color, o.Filter, o.Engine)
	}
	return nil
}

func (p *predictor) colors(channels int, side sidecar) (err error) {
	name := p.color
	if name == "" {
		name = side.Color
	}
	switch {
	case name != "":
		if p.img.Color, err = imaging.ParseColor(name); err != nil {
			return &cli.Error{Code: cli.Usage, Err: err}
		}
	case channels == 1:
		p.img.Color = imaging.Gray
	case channels == 4:
		p.img.Color = imaging.RGBA
	}
	if channels > 0 && channels != p.img.Color.Channels() {
		return cli.Usagef("the model takes %d channels, %v has %d", channels, p.img.Color, p.img.Color.Channels())
	}
	return nil
}
