/* What native HTML and htmx do not do: Trusted Types, dialogs, the palette, keys. */
(() => {
  'use strict';
  const one = (selector, root = document) => root.querySelector(selector);
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const make = (tag, facts) => Object.assign(document.createElement(tag), facts);

  htmx.registerExtension('trusted', {
    init(api) {
      if (!window.trustedTypes) return;
      api.initSecurity(trustedTypes.createPolicy('app', {
        createHTML: (html) => html,
        createScript: () => { throw new Error('Partials carry no scripts.'); },
      }));
    },
  });

  const say = (message) => {
    const bar = make('p', { className: 'toast' });
    const close = make('button', { className: 'button', type: 'button', textContent: 'Dismiss' });
    close.dataset.dismiss = '';
    bar.append(message, close);
    one('#toasts').append(bar);
  };

  const openDialogs = () => all('dialog[data-modal]:not([open])').forEach((dialog) => {
    const before = document.activeElement;
    dialog.showModal();
    dialog.addEventListener('close', () => { dialog.remove(); if (before && before.isConnected) before.focus(); }, { once: true });
  });
  document.addEventListener('DOMContentLoaded', openDialogs);
  document.addEventListener('htmx:after:swap', openDialogs);

  const showCurrentTab = () => document.querySelectorAll('.tabs > [aria-current]').forEach((tab) => {
    const bar = tab.parentElement;
    bar.scrollLeft = tab.offsetLeft - (bar.clientWidth - tab.offsetWidth) / 2;
  });
  /* The title says that something was refused, and no longer once it is put right or left. */
  const nameErrors = () => { document.title = (one('main .problems') ? 'Error: ' : '') + document.title.replace(/^(Error: )+/, ''); };
  document.addEventListener('htmx:after:swap', nameErrors);

  document.addEventListener('DOMContentLoaded', showCurrentTab);
  document.addEventListener('htmx:after:swap', showCurrentTab);

  document.addEventListener('htmx:config:request', (event) => {
    const token = one('meta[name=csrf-token]');
    if (token) event.detail.ctx.request.headers['X-CSRFToken'] = token.content;
  });
  const stillTyped = ({ sourceElement: form }) => { if (form && form.matches('form')) typedIn(form); };
  document.addEventListener('htmx:error', (event) => {
    const context = event.detail.ctx;
    if (context && context.request && !context.response) { say('No connection. Nothing was saved. Try again.'); stillTyped(context); }
  });
  document.addEventListener('htmx:response:error', (event) => {
    const response = event.detail.ctx.response;
    if (response.status !== 422) stillTyped(event.detail.ctx);
    if (response.status >= 500) say('Something went wrong on our side. Nothing was saved. Request ' + (response.headers.get('X-Request-Id') || ''));
  });
  document.addEventListener('htmx:before:swap', (event) => {
    const target = event.detail.ctx.target;
    if (target && target.id === 'main') { all('dialog[open]').forEach((dialog) => dialog.close()); keepDraft(); }
  });

  /* After signing in again in another tab this page goes on, with what was typed and a token that counts. */
  window.addEventListener('focus', async () => {
    const expired = one('dialog[data-expired]');
    if (!expired && !(begun && begun.failed)) return;
    const token = await fetch('/session-token', { redirect: 'error' }).then((answer) => answer.ok && answer.text()).catch(() => null);
    if (!token) return;
    one('meta[name=csrf-token]').content = token;
    all('input[name=csrf_token]').forEach((field) => { field.value = token; });
    keepDraft();
    if (!expired) return;
    expired.close();
    say('You are signed in again. Repeat your last step.');
  });

  /* Progress: the server says when there is something new; where it cannot, ask every two seconds. */
  let stream = null;
  const watch = () => {
    const shown = one('[data-live]');
    if (stream && (!shown || stream.path !== shown.dataset.live)) { stream.source.close(); clearInterval(stream.timer); stream = null; }
    if (!shown || stream) return;
    const refresh = () => { const now = one('[data-live]'); if (now) htmx.trigger(now, 'refresh'); };
    const source = new EventSource(shown.dataset.live);
    source.onmessage = refresh;
    stream = { path: shown.dataset.live, source, timer: setInterval(() => { if (source.readyState !== EventSource.OPEN) refresh(); }, 2000) };
  };
  document.addEventListener('DOMContentLoaded', watch);
  document.addEventListener('htmx:after:swap', watch);

  /* An act opens beside its record: where it begins, and how it is left. */
  const drawer = () => one('#drawer:not(:empty)');
  let beneath = ''; /* The address the drawer was opened from, with what was chosen of a list. */
  let opener = null; /* What is given the focus again. */
  const closeDrawer = (back) => {
    if (changed && !window.confirm('Close the form? What you typed is lost.')) return;
    keepDraft();
    one('#drawer').replaceChildren();
    nameErrors();
    changed = false;
    history.replaceState(history.state, '', beneath || back);
    const menu = opener && opener.isConnected && opener.closest('[popover]');
    const before = menu ? one(`[popovertarget="${menu.id}"]`) : opener;
    if (before && before.isConnected) before.focus();
  };
  const beginForm = () => {
    const form = one('form[data-act]');
    const empty = form && !one('.problems', form) ? all('input:not([type=hidden], [type=checkbox], [type=radio]), textarea', form).filter((field) => !field.value && field.checkVisibility()) : [];
    const first = empty.find((field) => field.required) || empty[0];
    if (first) first.focus();
    else if (drawer() && form && !one('.problems', form)) one('a[data-close], button', form).focus();
  };
  document.addEventListener('DOMContentLoaded', beginForm);
  document.addEventListener('htmx:after:swap', (event) => {
    const target = event.detail.ctx && event.detail.ctx.target;
    if (target && target.id === 'drawer') { all('[popover]:popover-open').forEach((menu) => menu.hidePopover()); beginForm(); }
  });
  document.addEventListener('click', (event) => {
    const opens = event.target.closest('[hx-target="#drawer"]');
    if (opens && !drawer()) { beneath = location.href; opener = opens; }
    const close = event.target.closest('#drawer [data-close]');
    if (close && !event.ctrlKey && !event.metaKey) { event.preventDefault(); event.stopPropagation(); closeDrawer(close.href); }
  }, true);

  /* What is typed into a long form is kept on the server; leaving a short one asks first. */
  let changed = false;
  let begun = null; /* The form with words that are not kept yet. */
  let sending = null;
  const lineOf = (form) => form && one('[data-draft]', form);
  const typedIn = (form) => {
    if (!lineOf(form)) { if (form && form.hasAttribute('data-guard')) changed = true; return; }
    if (begun && begun.form !== form) keepDraft();
    const since = begun ? begun.since : Date.now();
    if (begun) clearTimeout(begun.timer);
    begun = { form, since, timer: setTimeout(keepDraft, Date.now() - since > 2000 ? 0 : 400) };
  };
  const keepDraft = async () => {
    if (!begun) return;
    const { form, timer } = begun, line = lineOf(form), control = sending = new AbortController();
    clearTimeout(timer);
    begun = null;
    const answer = await fetch(line.dataset.draft, {
      method: 'POST', keepalive: true, signal: control.signal,
      body: new URLSearchParams([...new FormData(form)].filter(([name, text]) => typeof text === 'string' && !/^_key$|csrf_token|password/.test(name))),
      headers: { 'X-CSRFToken': one('meta[name=csrf-token]').content, 'HX-Request': 'true' },
    }).then(async (kept) => ({ ok: kept.ok, text: await kept.text() })).catch(() => null);
    if (control.signal.aborted) return;
    if (answer && answer.ok) { line.textContent = answer.text; line.nextElementSibling.hidden = false; return; }
    line.textContent = answer ? 'Not kept: you may have to sign in again, in another tab.' : 'Not kept: no connection.';
    if (!begun) begun = { form, failed: true, since: Date.now(), timer: answer ? 0 : setTimeout(keepDraft, 5000) };
  };
  document.addEventListener('input', (event) => {
    typedIn(event.target.form);
    if (event.target.id === 'palette-q') { enterWaits = false; showVerbs(); all('#palette .at').forEach((link) => link.classList.remove('at')); }
  });
  document.addEventListener('submit', (event) => {
    changed = false;
    if (!lineOf(event.target)) { keepDraft(); return; }
    if (begun) clearTimeout(begun.timer);
    begun = null;
    if (sending) sending.abort();
  });
  document.addEventListener('htmx:after:swap', (event) => { const target = event.detail.ctx && event.detail.ctx.target; if (target && target.id === 'main') changed = false; });
  window.addEventListener('beforeunload', (event) => { if (changed || (begun && begun.failed)) event.preventDefault(); });
  document.addEventListener('visibilitychange', () => { if (document.hidden) keepDraft(); });

  /* Rows of a list are chosen one by one, or with shift from the last one to this. */
  let lastTick = null;
  const tick = (box, isRange) => {
    const boxes = all('tbody .tick input');
    const ends = [boxes.indexOf(lastTick), boxes.indexOf(box)].sort((a, b) => a - b);
    if (isRange && ends[0] >= 0) boxes.slice(ends[0], ends[1] + 1).forEach((each) => { each.checked = box.checked; });
    lastTick = box;
  };
  /* What is inserted goes to where somebody typed last. */
  let lastTaker = null;
  document.addEventListener('focusin', (event) => { if (event.target.matches('[data-takes]')) lastTaker = event.target; });
  document.addEventListener('click', (event) => {
    if (event.target.matches('tbody .tick input')) tick(event.target, event.shiftKey);
    if (event.target.closest('[data-print]')) window.print();
    const dismiss = event.target.closest('[data-dismiss]');
    if (dismiss) { const box = dismiss.closest('dialog, .toast'); if (box.close) box.close(); else box.remove(); }
    const insert = event.target.closest('[data-insert]');
    if (insert) {
      const field = lastTaker && lastTaker.isConnected ? lastTaker : one('textarea[data-takes]');
      field.setRangeText(insert.dataset.insert, field.selectionStart, field.selectionEnd, 'end');
      field.dispatchEvent(new Event('input', { bubbles: true }));
      field.focus();
    }
    const copy = event.target.closest('[data-copy]');
    if (copy && navigator.clipboard) navigator.clipboard.writeText(copy.dataset.copy).then(() => say('Copied'), () => 0);
  });

  const typing = (event) => event.target.closest('input, select, textarea, [contenteditable]');
  const rows = () => all('main tbody tr');
  const move = (by) => {
    const list = rows();
    if (!list.length) return;
    const at = list.findIndex((row) => row.classList.contains('at'));
    if (at >= 0) list[at].classList.remove('at');
    const next = list[Math.max(0, Math.min(list.length - 1, at + by))];
    next.classList.add('at');
    next.scrollIntoView({ block: 'nearest' });
    const link = one('a', next);
    if (link) link.focus({ preventScroll: true });
  };
  const atRow = (selector) => one(`main tr.at ${selector}`);
  /* Enter is for what is typed: it waits for the answer to that. */
  let enterWaits = false;
  const answered = () => one('#palette-results').dataset.q === one('#palette-q').value;
  document.addEventListener('htmx:after:swap', (event) => {
    const target = event.detail.ctx && event.detail.ctx.target;
    if (!target || target.id !== 'palette-results') return;
    const shown = one('[data-q]', target);
    target.dataset.q = shown ? shown.dataset.q : '';
    const first = one('#palette .results :is(a, button)');
    if (enterWaits && answered()) { enterWaits = false; if (first) first.click(); }
  });
  const inPalette = (event) => {
    const links = all('#palette .results :is(a, button)');
    let at = links.findIndex((link) => link.classList.contains('at'));
    if (event.key === 'Enter') { event.preventDefault(); if (answered()) { if (links.length) links[Math.max(at, 0)].click(); } else enterWaits = true; return; }
    event.preventDefault();
    if (!links.length) return;
    if (at >= 0) links[at].classList.remove('at');
    at = (at + (event.key === 'ArrowDown' ? 1 : -1) + links.length) % links.length;
    links[at].classList.add('at');
    links[at].scrollIntoView({ block: 'nearest' });
  };
  /* What can be done here, by the words of its controls: for the palette and ?. */
  const named = (control) => {
    const copy = control.cloneNode(true);
    all('kbd, .count', copy).forEach((key) => key.remove());
    return control.ariaLabel || copy.textContent.trim().replace(/\s+/g, ' ');
  };
  const listed = (tags, first, second) => {
    const row = make(tags[0]);
    row.append(make(tags[1], { textContent: first }), make(tags[2], { textContent: second }));
    return row;
  };
  const showVerbs = () => {
    const said = one('#palette-q').value.toLowerCase().split(/\s+/);
    const shown = all('main :is([data-key], .actions a, .actions button, [popover] a):not([popovertarget])').filter((control) => said.every((word) => ` ${named(control).toLowerCase()}`.includes(` ${word}`)));
    one('#palette-here').replaceChildren(...shown.map((control) => {
      const item = make('li');
      const line = listed(['button', 'span', 'kbd'], named(control), control.dataset.key || '');
      line.addEventListener('click', () => { one('#palette').close(); control.click(); });
      item.append(line);
      return item;
    }));
  };
  const showKeys = () => {
    all('#keys [data-if]').forEach((row) => { row.hidden = !one(row.dataset.if); });
    const keys = [...all('main [data-key]'), ...all('#rail [data-go]')];
    one('#keys-here').replaceChildren(...keys.map((control) => listed(['div', 'dt', 'dd'], control.dataset.key || 'g ' + control.dataset.go, named(control))));
    one('#keys').showModal();
  };

  /* A menu has the focus on its first line; arrows lead through it. */
  document.addEventListener('toggle', (event) => {
    if (event.newState === 'open' && event.target.matches('[popover]')) one('a, button', event.target).focus();
  }, true);
  const inMenu = (event, menu) => {
    const lines = all('a, button', menu);
    const to = lines.indexOf(event.target) + (event.key === 'ArrowDown' ? 1 : -1);
    event.preventDefault();
    lines.at(to % lines.length).focus();
  };

  /* Ctrl Enter is the primary button of the form one is in, else the only one there is. */
  const submit = (event) => {
    const marked = ':is([data-primary], button.primary)';
    const form = event.target.closest('form');
    const only = all(`${drawer() ? '#drawer' : 'main'} form ${marked}`).filter((button) => button.checkVisibility());
    const button = (form && one(marked, form)) || (only.length === 1 && only[0]) || undefined;
    if (!button && !form) return;
    event.preventDefault();
    (button ? button.form : form).requestSubmit(button);
  };
  let goKey = 0;
  document.addEventListener('keydown', (event) => {
    const command = event.ctrlKey || event.metaKey;
    const palette = one('#palette');
    if (palette && ((command && event.key === 'k') || (event.key === '/' && !typing(event)))) { event.preventDefault(); if (!palette.open) palette.showModal(); one('#palette-q').select(); showVerbs(); return; }
    if (command && event.key === 'Enter') { submit(event); return; }
    const menu = event.target.closest('[popover]');
    if (menu && event.key.startsWith('Arrow')) { inMenu(event, menu); return; }
    if (event.target.closest('#palette') && ['ArrowDown', 'ArrowUp', 'Enter'].includes(event.key)) { inPalette(event); return; }
    if (event.key === 'Escape' && drawer() && !one('dialog[open], [popover]:popover-open')) { closeDrawer(one('#drawer [data-close]').href); return; }
    if (typing(event) || command || event.altKey || one('dialog[open]') || document.body.dataset.keys === 'off') return;
    if (goKey) {
      clearTimeout(goKey); goKey = 0;
      const link = one(`[data-go="${CSS.escape(event.key)}"]`);
      if (link) { event.preventDefault(); link.click(); }
      return;
    }
    if (event.key === 'g') goKey = setTimeout(() => { goKey = 0; }, 1000);
    else if (event.key === 'j') move(1);
    else if (event.key === 'k') move(-1);
    else if (atRow('.tick input') && event.key.toLowerCase() === 'x') { const box = atRow('.tick input'); box.checked = !box.checked; tick(box, event.shiftKey); }
    else if (event.key === 'v' && atRow('.look')) atRow('.look').click();
    else if (event.key === 'o' && (one('[data-open]') || atRow('a'))) (one('[data-open]') || atRow('a')).click();
    else if (event.key === 'Escape') { const close = one('[data-close]'); if (close) close.click(); }
    else if (event.key === '?') { if (one('#keys')) showKeys(); }
    else { const control = one(`main [data-key="${CSS.escape(event.key)}"]`); if (control) { event.preventDefault(); control.click(); } }
  });
})();
