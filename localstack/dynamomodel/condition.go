package dynamomodel

// condition says whether something holds of an item.
type condition func(s *scope) bool

// parseCondition reads a condition expression, or the condition of a query's keys.
func parseCondition(text string) (condition, error) {
	p := newParser(text)
	c := p.either()
	return c, p.end()
}

func (p *parser) either() condition {
	all := []condition{p.both()}
	for p.accept("OR") {
		all = append(all, p.both())
	}
	if len(all) == 1 {
		return all[0]
	}
	return func(s *scope) bool {
		for _, c := range all {
			if c(s) {
				return true
			}
		}
		return false
	}
}

func (p *parser) both() condition {
	all := []condition{p.not()}
	for p.accept("AND") {
		all = append(all, p.not())
	}
	return func(s *scope) bool {
		for _, c := range all {
			if !c(s) {
				return false
			}
		}
		return true
	}
}

func (p *parser) not() condition {
	if p.accept("NOT") {
		c := p.not()
		return func(s *scope) bool { return !c(s) }
	}
	if p.accept("(") {
		c := p.either()
		p.expect(")")
		return c
	}
	return p.comparison()
}

func (p *parser) comparison() condition {
	switch {
	case p.accept("attribute_exists"):
		at := p.only()
		return func(s *scope) bool { return at.value(s) != nil }
	case p.accept("attribute_not_exists"):
		at := p.only()
		return func(s *scope) bool { return at.value(s) == nil }
	case p.accept("contains"):
		return p.of(contains)
	case p.accept("begins_with"):
		return p.of(beginsWith)
	}
	a := p.operand()
	if p.accept("BETWEEN") {
		low := p.operand()
		p.expect("AND")
		high := p.operand()
		return func(s *scope) bool {
			v := a(s)
			below, ok := compare(v, low(s))
			above, also := compare(v, high(s))
			return ok && also && below >= 0 && above <= 0
		}
	}
	sign := p.next()
	b := p.operand()
	switch sign {
	case "=":
		return func(s *scope) bool { return equal(a(s), b(s)) }
	case "<", "<=", ">", ">=":
		return func(s *scope) bool {
			order, ok := compare(a(s), b(s))
			return ok && (order < 0 && sign[0] == '<' || order > 0 && sign[0] == '>' || order == 0 && len(sign) == 2)
		}
	}
	p.fail()
	return nil
}

// only reads a path in parentheses.
func (p *parser) only() path {
	p.expect("(")
	at := p.path()
	p.expect(")")
	return at
}

// of reads two operands in parentheses.
func (p *parser) of(holds func(a, b value) bool) condition {
	p.expect("(")
	a := p.operand()
	p.expect(",")
	b := p.operand()
	p.expect(")")
	return func(s *scope) bool { return holds(a(s), b(s)) }
}
