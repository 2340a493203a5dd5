(() => {
  const page = document.querySelector("[data-events]"), lost = document.getElementById("lost");
  const events = new EventSource(page.dataset.events);
  events.onopen = () => { lost.hidden = true; };
  events.onerror = () => { lost.hidden = false; };
  events.onmessage = ({data}) => {
    const {parts, is_over} = JSON.parse(data);
    for (const [id, html] of Object.entries(parts)) document.getElementById(id).innerHTML = html;
    if (is_over) {
      events.close();
      document.getElementById("ending").hidden = true;
    }
  };
})();
