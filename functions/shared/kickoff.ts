/** Whether an ISO 8601 date, or date and time, exists and `Date` reads it: not June 31st, no offset of hours alone. */
export function isMoment(text: string): boolean {
  const date = text.slice(0, 10);
  const day = Date.parse(date);
  // `Date` takes June 31st for July 1st.
  return (
    !Number.isNaN(day) && new Date(day).toISOString().startsWith(date) && !Number.isNaN(Date.parse(text))
  );
}
