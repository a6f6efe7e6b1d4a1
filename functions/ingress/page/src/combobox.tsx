import { useEffect, useId, useRef, useState } from 'preact/hooks';
import { visible } from '../../../shared/visible.ts';

/** One thing to choose: `value` goes into the field, `note` stands beside it in the list. */
export type Option = { value: string; note?: string };

/** A text field with a list below it, as the WAI-ARIA Authoring Practices describe an editable combobox with list autocomplete. */
export function Combobox({
  label,
  value,
  placeholder,
  options,
  onInput,
  invalid = false,
}: {
  label: string;
  value: string;
  placeholder: string;
  /** What fits a text, best first. */
  options: (text: string) => Option[];
  onInput: (value: string) => void;
  invalid?: boolean;
}) {
  const id = useId();
  const [open, setOpen] = useState(false);
  const [typed, setTyped] = useState(false);
  const [active, setActive] = useState(-1);
  const list = useRef<HTMLUListElement>(null);
  // A list that opens on a filled field shows everything, as a select would.
  const shown = open ? options(typed ? value : '') : [];

  useEffect(() => {
    list.current?.children[active]?.scrollIntoView({ block: 'nearest' });
  }, [active]);

  function choose(option: Option | undefined): void {
    if (option) onInput(option.value);
    close();
  }
  function close(): void {
    setOpen(false);
    setTyped(false);
    setActive(-1);
  }
  function move(to: number): void {
    setOpen(true);
    const count = open ? shown.length : options(typed ? value : '').length;
    setActive(count === 0 ? -1 : (to + count) % count);
  }

  function onKeyDown(event: KeyboardEvent): void {
    if (event.key === 'ArrowDown') move(active + 1);
    else if (event.key === 'ArrowUp') move(active < 0 ? -1 : active - 1);
    else if (event.key === 'Escape' && open) close();
    else if (event.key === 'Enter' && open && shown.length > 0 && (active >= 0 || typed))
      choose(shown[Math.max(active, 0)]);
    else if (event.key === 'Tab' && active >= 0) {
      choose(shown[active]);
      return;
    } else return;
    event.preventDefault();
  }

  return (
    <div class="field">
      <label for={id}>{label}</label>
      <input
        id={id}
        role="combobox"
        type="text"
        autocomplete="off"
        autocapitalize="off"
        spellcheck={false}
        maxLength={100}
        placeholder={placeholder}
        value={value}
        aria-expanded={open}
        aria-controls={`${id}-list`}
        aria-autocomplete="list"
        aria-activedescendant={active >= 0 ? `${id}-${active}` : undefined}
        aria-invalid={invalid}
        onInput={(event) => {
          setTyped(true);
          setOpen(true);
          setActive(-1);
          onInput(event.currentTarget.value);
        }}
        onFocus={(event) => {
          event.currentTarget.select();
        }}
        onClick={() => {
          setOpen(true);
        }}
        onKeyDown={onKeyDown}
        onBlur={close}
      />
      <ul id={`${id}-list`} ref={list} role="listbox" aria-label={label} hidden={shown.length === 0}>
        {shown.map((option, place) => (
          <li
            key={option.value}
            id={`${id}-${place}`}
            role="option"
            aria-selected={place === active}
            onPointerDown={(event) => {
              // The field must not lose the focus before the choice is made.
              event.preventDefault();
            }}
            onClick={() => {
              choose(option);
            }}
          >
            <span>{visible(option.value)}</span>
            {option.note !== undefined && <small>{visible(option.note)}</small>}
          </li>
        ))}
      </ul>
      {open && typed && shown.length === 0 && value !== '' && (
        <p class="nothing" role="status">
          Nothing fits “{visible(value)}”.
        </p>
      )}
    </div>
  );
}
